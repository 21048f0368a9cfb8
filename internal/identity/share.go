package identity

// shares accounts for the bytes taken, altogether and by client. Clients are
// told apart by their number modulo the accounts, so a few may share one; account
// 0 is of those whose host is not known, and has no bound of its own. The last
// eighth is kept for those that have no more than an eighth.
type shares struct {
	limit    uint64
	total    uint64
	accounts [1 << 12]uint64
}

// accountOf returns a client's account.
func accountOf(client uint32) uint16 {
	if client == 0 {
		return 0
	}
	return uint16(1 + client%(1<<12-1))
}

// fits reports whether an account may take so many more bytes.
func (s *shares) fits(account uint16, bytes uint64) bool {
	if s.total+bytes > s.limit {
		return false
	}
	reserve := s.limit / 8
	return account == 0 || s.total+bytes <= s.limit-reserve || s.accounts[account]+bytes <= reserve
}

// take accounts for bytes and returns the account.
func (s *shares) take(client uint32, bytes uint64) uint16 {
	account := accountOf(client)
	s.add(account, bytes)
	return account
}

func (s *shares) add(account uint16, bytes uint64) {
	s.total += bytes
	s.accounts[account] += bytes
}

func (s *shares) sub(account uint16, bytes uint64) {
	s.total -= bytes
	s.accounts[account] -= bytes
}
