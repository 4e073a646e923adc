package surge

// name is what is counted: a run or dispatch of a source, or the source alone.
type name struct{ source, id string }

// counter is one name's count. surplus is how much of it may belong to names that had the counter before.
type counter struct {
	name    name
	hash    uint64
	count   int
	surplus int
	next    *counter // in its chain
}

// counters keep the largest counts of a stream in bounded memory: a new name takes over the smallest counter, together
// with its count (space-saving). Counting a name that is known is a look-up: the heap hears of it when the smallest is asked
// for.
//
// Names are found by hashes that the caller makes, where no lock is held. Those with one hash share a chain and are told
// apart there.
type counters struct {
	chains [2 * kept]*counter
	heap   []rank
}

// rank is a counter's place in the heap, by its count when the heap last looked: now it has that or more.
type rank struct {
	count   int
	counter *counter
}

func (c *counters) add(n name, hash uint64) {
	if k := c.find(n, hash); k != nil {
		k.count++
		return
	}
	if len(c.heap) < kept {
		k := &counter{name: n, hash: hash, count: 1}
		c.link(k)
		c.heap = append(c.heap, rank{1, k}) // in order: until it is full the heap does not look, and all ranks are 1
		return
	}
	k := c.smallest()
	c.unlink(k)
	k.name, k.hash, k.surplus = n, hash, k.count
	k.count++
	c.link(k)
}

// chain is where names of a hash are found.
func (c *counters) chain(hash uint64) **counter { return &c.chains[hash%uint64(len(c.chains))] }

func (c *counters) find(n name, hash uint64) *counter {
	k := *c.chain(hash)
	for k != nil && (k.hash != hash || k.name != n) {
		k = k.next
	}
	return k
}

func (c *counters) link(k *counter) {
	first := c.chain(k.hash)
	*first, k.next = k, *first
}

func (c *counters) unlink(k *counter) {
	at := c.chain(k.hash)
	for *at != k {
		at = &(*at).next
	}
	*at = k.next
}

// smallest is the counter with the smallest count. Counts only grow: a root that has grown since the heap last looked goes
// down to where it belongs now, until there is one that has not.
func (c *counters) smallest() *counter {
	root := &c.heap[0]
	for root.count != root.counter.count {
		root.count = root.counter.count
		c.siftDown()
	}
	return root.counter
}

// siftDown takes a root that has grown to its place.
func (c *counters) siftDown() {
	h, at := c.heap, 0
	grown := h[0]
	for child := 1; child < len(h); child = 2*at + 1 {
		if child+1 < len(h) && h[child+1].count < h[child].count {
			child++
		}
		if grown.count <= h[child].count {
			break
		}
		h[at], at = h[child], child
	}
	h[at] = grown
}

// clear forgets all names: they are their senders' text.
func (c *counters) clear() {
	clear(c.chains[:])
	clear(c.heap)
	c.heap = c.heap[:0]
}
