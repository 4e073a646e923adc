package main

import (
	"slices"
	"time"
)

// spread is the mean of some figures with the least and the greatest.
type spread struct{ Mean, Min, Max float64 }

func newSpread(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	var sum float64
	for _, v := range values {
		sum += v
	}
	return spread{Mean: sum / float64(len(values)), Min: slices.Min(values), Max: slices.Max(values)}
}

// figure is what is compared of a phase.
type figure func(*phase) float64

func answeredRate(p *phase) float64 { return p.Result.Rate() }
func drainedRate(p *phase) float64  { return p.DrainedRate() }

// ratios compares every phase of kind k with the phases of the yardstick that ran nearest before and after it. What
// disturbs the machine for a while disturbs both.
func (f *findings) ratios(k kind, of figure, yard kind) []float64 {
	var all []float64
	for i := range f.Phases {
		if f.Phases[i].Kind != k {
			continue
		}
		if beside := f.beside(i, yard); len(beside) > 0 {
			all = append(all, of(&f.Phases[i])/newSpread(beside).Mean)
		}
	}
	return all
}

// beside are the rates of the nearest phases of kind yard, one on each side if there are.
func (f *findings) beside(at int, yard kind) []float64 {
	var rates []float64
	for _, step := range []int{-1, 1} {
		for i := at + step; i >= 0 && i < len(f.Phases); i += step {
			if f.Phases[i].Kind == yard {
				rates = append(rates, f.Phases[i].Result.Rate())
				break
			}
		}
	}
	return rates
}

// mean is the average rate of all phases of a kind.
func (f *findings) mean(k kind) float64 { return f.rates(k).Mean }

func (f *findings) rates(k kind) spread {
	var rates []float64
	for i := range f.Phases {
		if f.Phases[i].Kind == k {
			rates = append(rates, f.Phases[i].Result.Rate())
		}
	}
	return newSpread(rates)
}

// p99 is the worst of all phases of a kind; 0 when there was none.
func (f *findings) p99(k kind) time.Duration {
	var worst time.Duration
	for i := range f.Phases {
		if f.Phases[i].Kind == k {
			worst = max(worst, f.Phases[i].Result.Latency.Quantile(0.99))
		}
	}
	return worst
}
