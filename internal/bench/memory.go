package main

import (
	"context"
	"time"
)

// memoryPoll is how often memory is looked at.
const memoryPoll = 250 * time.Millisecond

// memory is how much a process held during a storm: averages over the second and the last quarter of the time. In the
// first one the heap still grows to what the load needs.
type memory struct{ Early, Late float64 }

// Growth is the share by which memory grew.
func (m memory) Growth() float64 {
	if m.Early == 0 {
		return 0
	}
	return m.Late/m.Early - 1
}

// watchMemory samples until ctx or the process ends.
func watchMemory(ctx context.Context, pid int) []int64 {
	poll := time.NewTicker(memoryPoll)
	defer poll.Stop()
	var samples []int64
	for {
		select {
		case <-ctx.Done():
			return samples
		case <-poll.C:
		}
		n, err := residentBytes(pid)
		if err != nil {
			return samples
		}
		samples = append(samples, n)
	}
}

func newMemory(samples []int64) memory {
	quarter := len(samples) / 4
	return memory{Early: average(samples[quarter : 2*quarter]), Late: average(samples[len(samples)-quarter:])}
}

func average(samples []int64) float64 {
	if len(samples) == 0 {
		return 0
	}
	var sum float64
	for _, n := range samples {
		sum += float64(n)
	}
	return sum / float64(len(samples))
}
