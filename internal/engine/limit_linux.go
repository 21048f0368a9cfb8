package engine

// maxCounters is sparse: a cell that no counter lives in costs nothing.
const maxCounters = 1 << 28
