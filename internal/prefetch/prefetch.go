// Package prefetch asks the processor for memory ahead of its use. Where much is looked
// up in tables that the caches do not hold, most of the time goes by in waiting for
// them; what was asked for early enough is there when its turn comes, and meanwhile the
// processor does something else, which it cannot once a load is waited for.
//
// Where a processor is not known here, nothing is asked for: it is a hint, and no more.
package prefetch
