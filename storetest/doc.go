// Package storetest tests whether a holdfast.Store keeps its contract. Sessions
// rely on that contract. The author of a store calls Run from a test, as in the
// example, and RunShared too if several processes can share the database.
//
// Each subtest tests one rule. A failure states the result, the rule and the
// harm to the users of a site:
//
//	ReadUse under `a` after Set of "1": got no entry, want "1" (len 1)
//	the contract: The value is never older than a write that this process has completed.
//	why it matters: the next request would not see a change that was answered with success
//
// A subtest is skipped if the store lacks an ability: it cannot scan, it does
// not record uses, or it has no method Close() error. Run the suite with -race
// too: only the race detector sees some of the faults.
//
// # Time
//
// Real time is the default: the suite gives short TTLs and sleeps until they
// are over, for about three seconds in all. Set Options.Tick for a store with a
// coarse clock or on a slow network, Options.Wait for a store whose clock the
// test moves, and Options.Virtual for a store in this process.
//
// # Limits
//
// A test cannot see the entry that a store would evict next. The suite tests
// only by the idle times of ScanValues that ReadUse is a use and ReadPeek is
// not. The suite cannot prove that a store is safe for concurrent use: a rare
// race can stay unseen. It does not disconnect the database, so it does not see
// how old a local copy gets when the network fails.
package storetest
