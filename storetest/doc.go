// Package storetest checks that a holdfast.Store keeps to its contract, on
// which all that sessions promise rests. Whoever writes a store calls Run from
// a test of its own:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) holdfast.Store {
//			store := mystore.New()
//			t.Cleanup(func() { store.Close() })
//			return store
//		}, storetest.Options{})
//	}
//
// Each subtest checks one promise. If it is broken, the failure quotes the
// sentence of the contract, lists what was done, says what was expected and
// what was found, and what users of a site would suffer:
//
//	the contract says: It reports false if there is no such entry any more, true if the store cannot tell, and never brings one back.
//	done:              Set("Set", "1", 40ms) = <nil>
//	                   wait 60ms
//	                   Touch("Set", 1h0m0s) = true
//	expected:          false: the ttl is over
//	found:             true
//	why it matters:    a session that timed out would come back to life with the next request, whoever sends it
//
// The parts for Loader and Scanner run if the store implements them, and are
// skipped if not. Run the suite with -race too: some faults only the race
// detector sees, and it sees only what happens.
//
// # Time
//
// Real time is the default: the suite gives short ttls and sleeps until they
// are over, for about two seconds in all. Options has what other stores need:
// Tick for those whose clock is coarse, Wait for those whose clock the test
// moves, and Virtual for those that live in this process, whose time then
// passes at once.
//
// # What it cannot check
//
// Nobody can see from outside which entry a store would evict, so that Append
// is a use and Peek is none is checked only of a Scanner, whose entries tell
// how long they have been idle. Concurrency is tried, not proven: a race that
// needs rare luck may go unseen.
package storetest
