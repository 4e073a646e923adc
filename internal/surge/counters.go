package surge

import "container/heap"

// name is what is counted: a run or dispatch of a source, or the source alone.
type name struct{ source, id string }

// counter is one name's count. surplus is how much of it may belong to names that had the counter before.
type counter struct {
	name    name
	count   int
	surplus int
	at      int // in the heap
}

// counters keep the largest counts of a stream in bounded memory: a new name takes over the smallest counter, together
// with its count (space-saving).
type counters struct {
	most   int
	byName map[name]*counter
	heap   smallestFirst
}

func newCounters(most int) *counters { return &counters{most: most, byName: map[name]*counter{}} }

func (c *counters) add(n name) {
	if k, ok := c.byName[n]; ok {
		k.count++
		heap.Fix(&c.heap, k.at)
		return
	}
	if len(c.heap) < c.most {
		k := &counter{name: n, count: 1}
		c.byName[n] = k
		heap.Push(&c.heap, k)
		return
	}
	k := c.heap[0]
	delete(c.byName, k.name)
	k.name, k.surplus = n, k.count
	k.count++
	c.byName[n] = k
	heap.Fix(&c.heap, 0)
}

func (c *counters) clear() {
	clear(c.byName)
	c.heap = c.heap[:0]
}

// smallestFirst is a heap of counters.
type smallestFirst []*counter //nolint:recvcheck // heap.Interface wants to change the slice in two of its methods only

func (h smallestFirst) Len() int           { return len(h) }
func (h smallestFirst) Less(i, j int) bool { return h[i].count < h[j].count }
func (h smallestFirst) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

func (h *smallestFirst) Push(x any) {
	k, _ := x.(*counter) // nothing else is pushed
	k.at = len(*h)
	*h = append(*h, k)
}

func (h *smallestFirst) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
