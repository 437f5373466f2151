// Package tier puts local copies in front of a database that several processes
// share. It is the common part of the stores in store/redis and store/sql, and
// of a store of your own on another database: implement Database.
//
//	store, err := tier.New(connect, tier.Options{})
//	sessions, err := holdfast.New(holdfast.Options{Store: store})
//
// # Promises
//
// Every promise of the sessions holds between the processes too: an Update
// loses no step, a session that has ended does not come back, and no TTL ends a
// session early. In addition:
//
//   - Bounded staleness. A read that a local copy answers sees a state that was
//     current at most MaxStale ago, however the network fails.
//   - Own writes. A process reads its own writes at once.
//   - The database decides. A change is stored by compare-and-set there. A local
//     copy is never written back.
//   - Away is not empty. If the database does not answer, the result is
//     holdfast.ErrUnavailable, never "not found".
//
// # How it works
//
// A local copy has the version of its entry. A read takes it if its connection
// has proved within MaxStale that no notification is missing (pulse.go), and
// asks the database otherwise. A notification removes the copy, and voids reads
// that are under way (lease.go). A lost connection ends all copies at once. An
// Update decides on the copy, and stores its decision only if the database has
// the same version (write.go). A touch reaches the database when the entry
// would end too early there, once in TouchEvery at most (touch.go).
//
// # Limits
//
// An entry that does not exist is never cached: a request with an unknown ID
// costs one command, unless Options.Keys of package holdfast rejects it. A
// database that loses a write which it has acknowledged, in a failover for
// example, loses it here too. A machine that resumes after it was suspended may
// use copies from before for MaxStale: its clock stood still.
package tier
