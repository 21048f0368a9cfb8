package offheap

// Builder fills an empty index with items whose number is known beforehand.
// Inserting them one by one would miss the caches with every single one; ordered
// by their homes, a run at a time, they go into the table from its one end to the
// other.
type Builder struct {
	index        *Index
	run, ordered []uint64
}

const (
	buildRun  = 1 << 20 // items ordered at a time (8 MiB of them)
	buildBits = 11      // they are ordered by so many upper bits: 2048 parts of the table
)

// Build begins to fill an empty index with at most n items.
func (ix *Index) Build(n uint32) (*Builder, error) {
	if err := ix.reserve(n); err != nil {
		return nil, err
	}
	run := make([]uint64, 0, min(n, buildRun))
	return &Builder{index: ix, run: run, ordered: make([]uint64, cap(run))}, nil
}

// Add adds an item.
func (b *Builder) Add(hash, item uint32) {
	b.run = append(b.run, slot(hash, item))
	if len(b.run) == cap(b.run) {
		b.Done()
	}
}

// Done ends the filling.
func (b *Builder) Done() {
	order(b.ordered, b.run)
	b.index.load(b.ordered[:len(b.run)])
	b.run = b.run[:0]
}

// order copies slots to dst by the upper bits of their hashes (a counting sort).
func order(dst, slots []uint64) {
	var next [1 << buildBits]int // where the next slot of each part goes
	for _, s := range slots {
		next[s>>(64-buildBits)]++
	}
	at := 0
	for part, n := range next {
		next[part] = at
		at += n
	}
	for _, s := range slots {
		part := s >> (64 - buildBits)
		dst[next[part]] = s
		next[part]++
	}
}
