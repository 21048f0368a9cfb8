package journal

// cells is a set of cell numbers.
type cells struct {
	pages []*[1 << 10]uint64 // 65536 cells each
	n     uint64
}

// word returns the word and the bit of a cell.
func (c *cells) word(cell uint32) (word *uint64, bit uint64) {
	page := int(cell >> 16)
	for page >= len(c.pages) {
		c.pages = append(c.pages, nil)
	}
	if c.pages[page] == nil {
		c.pages[page] = new([1 << 10]uint64)
	}
	return &c.pages[page][cell>>6&1023], uint64(1) << (cell & 63)
}

func (c *cells) has(cell uint32) bool {
	word, bit := c.word(cell)
	return *word&bit != 0
}

func (c *cells) add(cell uint32) {
	if word, bit := c.word(cell); *word&bit == 0 {
		*word |= bit
		c.n++
	}
}

func (c *cells) remove(cell uint32) {
	if word, bit := c.word(cell); *word&bit != 0 {
		*word &^= bit
		c.n--
	}
}

// sessions is a set of sessions' ids.
type sessions map[uint64]struct{}

func (s *sessions) has(id uint64) bool {
	_, ok := (*s)[id]
	return ok
}

func (s *sessions) add(id uint64) {
	if *s == nil {
		*s = sessions{}
	}
	(*s)[id] = struct{}{}
}
