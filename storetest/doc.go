// Package storetest tests whether a holdfast.Store keeps its contract. Sessions
// rely on that contract. The author of a store calls Run from a test, as in the
// example.
//
// Each subtest tests one rule. A failure states the result, the rule and the
// harm to the users of a site:
//
//	Touch("Set Touch") after the TTL: got "1" (len 1), want no entry
//	the contract: It reports false if there is no such entry, true if the store cannot tell, and never brings an entry back.
//	why it matters: any person's next request would revive a session that timed out
//
// The subtests for Loader and Scanner are skipped if the store does not
// implement them. Run the suite with -race too: only the race detector sees
// some of the faults.
//
// # Time
//
// Real time is the default: the suite gives short TTLs and sleeps until they
// are over, for about a second in all. Set Options.Tick for a store with a
// coarse clock, Options.Wait for a store whose clock the test moves, and
// Options.Virtual for a store in this process.
//
// # Limits
//
// A test cannot see the entry that a store would evict next. The suite tests
// only for a Scanner that Append is a use and Peek is not, because its entries
// have an idle time. The suite cannot prove that a store is safe for concurrent
// use: a rare race can stay unseen.
package storetest
