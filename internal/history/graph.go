package history

import "slices"

// order is a directed graph: nodes 0 to moments-1 are moments, the others stand
// between them.
type order struct {
	moments int
	nodes   int
	from    []int32
	to      []int32

	bounds []int32 // the edges from node n are out[bounds[n]:bounds[n+1]]
	out    []int32
}

func (g *order) node() int32 {
	g.nodes++
	return int32(g.nodes - 1)
}

func (g *order) edge(from, to int32) {
	if from != to {
		g.from, g.to = append(g.from, from), append(g.to, to)
	}
}

// cycle returns the moments of a cycle, a short one and through a moment that is
// preferred if possible; none if there is no cycle.
func (g *order) cycle(preferred func(moment int32) bool) []int32 {
	incoming := g.index()
	var ready []int32
	for n, count := range incoming {
		if count == 0 {
			ready = append(ready, int32(n))
		}
	}
	left := g.nodes
	for len(ready) > 0 {
		n := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		left--
		for _, to := range g.out[g.bounds[n]:g.bounds[n+1]] {
			if incoming[to]--; incoming[to] == 0 {
				ready = append(ready, to)
			}
		}
	}
	if left == 0 {
		return nil
	}
	path := g.around(incoming)
	best := g.shortest(path[0])
	tries := 0
	for _, m := range path {
		if tries < maxTries && preferred(m) {
			tries++
			if other := g.shortest(m); tries == 1 || len(other) < len(best) {
				best = other
			}
		}
	}
	return best
}

// maxTries is from how many moments the shortest cycle is looked for.
const maxTries = 8

// index sorts the edges by where they come from, and counts those into each node.
func (g *order) index() (incoming []int32) {
	incoming = make([]int32, g.nodes)
	g.bounds = make([]int32, g.nodes+1)
	for i, from := range g.from {
		g.bounds[from+1]++
		incoming[g.to[i]]++
	}
	for i := 1; i < len(g.bounds); i++ {
		g.bounds[i] += g.bounds[i-1]
	}
	g.out = make([]int32, len(g.to))
	next := slices.Clone(g.bounds[:g.nodes])
	for i, from := range g.from {
		g.out[next[from]] = g.to[i]
		next[from]++
	}
	return incoming
}

// around walks back among the nodes that still wait for another one until it
// meets itself, and returns the moments on its way. There is one at least: all
// edges between the other nodes lead forward.
func (g *order) around(incoming []int32) []int32 {
	back := make(map[int32]int32)
	start := int32(-1)
	for i, to := range g.to {
		if from := g.from[i]; incoming[to] > 0 && incoming[from] > 0 {
			back[to], start = from, to
		}
	}
	seen := map[int32]int{}
	var path []int32
	for n := start; ; n = back[n] {
		if i, met := seen[n]; met {
			path = path[i:]
			break
		}
		seen[n] = len(path)
		path = append(path, n)
	}
	return g.onlyMoments(path)
}

func (g *order) onlyMoments(path []int32) []int32 {
	return slices.DeleteFunc(path, func(n int32) bool { return int(n) >= g.moments })
}

// shortest returns the moments of the shortest way from a node of a cycle back
// to itself, beginning with it.
func (g *order) shortest(start int32) []int32 {
	came := map[int32]int32{}
	front := []int32{start}
	for len(front) > 0 {
		var next []int32
		for _, n := range front {
			for _, to := range g.out[g.bounds[n]:g.bounds[n+1]] {
				if _, seen := came[to]; seen {
					continue
				}
				came[to] = n
				if to == start {
					return g.wayBack(came, start)
				}
				next = append(next, to)
			}
		}
		front = next
	}
	return []int32{start}
}

func (g *order) wayBack(came map[int32]int32, start int32) []int32 {
	path := []int32{start}
	for n := came[start]; n != start; n = came[n] {
		path = append(path, n)
	}
	slices.Reverse(path[1:])
	return g.onlyMoments(path)
}
