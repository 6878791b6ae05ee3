package mutants

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strconv"
)

// floorShare is the share of a sample that a class gets at least, while it has
// as many: one in twelve.
const floorShare = 12

// Sample draws count mutants, the same ones for the same seed: from each class
// by its size, none fewer than a twelfth while it has as many, and in a class
// from each kind in turn. Fewer are drawn where there are not as many.
func (p *Population) Sample(seed uint64, count int) []Mutant {
	byClass := map[Class][]Mutant{}
	for _, m := range p.Mutants {
		byClass[m.Class] = append(byClass[m.Class], m)
	}
	share := shares(byClass, count)
	var out []Mutant
	for _, class := range Classes() {
		out = append(out, inTurn(byClass[class], seed)[:share[class]]...)
	}
	return out
}

// shares says how many of a sample are of each class.
func shares(byClass map[Class][]Mutant, count int) map[Class]int {
	out, total, left := map[Class]int{}, 0, count
	for _, class := range Classes() {
		n := len(byClass[class])
		total += n
		out[class] = min(n, count/floorShare)
		left -= out[class]
	}
	if total <= count {
		for class, all := range byClass {
			out[class] = len(all)
		}
		return out
	}
	// The rest goes one by one to the class that is furthest from its share.
	for ; left > 0; left-- {
		best, least := Class(""), 0.0
		for _, class := range Classes() {
			n := len(byClass[class])
			if out[class] == n {
				continue
			}
			if full := float64(out[class]) / float64(n); best == "" || full < least {
				best, least = class, full
			}
		}
		out[best]++
	}
	return out
}

// inTurn orders mutants so that the first are of different kinds: by chance
// that comes from the seed.
func inTurn(all []Mutant, seed uint64) []Mutant {
	type drawn struct {
		round int
		kind  uint64
		m     *Mutant
	}
	byKind := map[string][]*Mutant{}
	for i := range all {
		byKind[all[i].Kind()] = append(byKind[all[i].Kind()], &all[i])
	}
	var order []drawn
	for kind, of := range byKind {
		slices.SortFunc(of, func(a, b *Mutant) int { return cmp.Compare(chance(seed, a.ID), chance(seed, b.ID)) })
		for round, m := range of {
			order = append(order, drawn{round, chance(seed+uint64(round), kind), m})
		}
	}
	slices.SortFunc(order, func(a, b drawn) int {
		return cmp.Or(cmp.Compare(a.round, b.round), cmp.Compare(a.kind, b.kind), cmp.Compare(a.m.ID, b.m.ID))
	})
	out := make([]Mutant, len(order))
	for i, d := range order {
		out[i] = *d.m
	}
	return out
}

// chance is a number that looks random and is the same for the same seed and
// text.
func chance(seed uint64, text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(strconv.FormatUint(seed, 10) + "\x00" + text)) // it cannot fail
	// What FNV leaves alike in the high bits is mixed as splitmix64 does.
	z := h.Sum64() + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
