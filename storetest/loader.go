package storetest

import (
	"context"
	"fmt"

	"github.com/holdfast-go/holdfast"
)

var loaderPromises = []promise{
	{
		name: "Load extends dst", says: saysLoad, part: loader,
		because: "sessions are read into buffers that have other data in them, which would be lost or taken for the session",
		check: func(s *subject) {
			extendsDst(s, func(dst []byte, id string) ([]byte, bool) {
				got, found, err := s.store.(holdfast.Loader).Load(context.Background(), dst, id)
				s.expectNil(err)
				return got, found
			})
		},
	},
	{
		name: "Load takes any ID", says: saysLoad, part: loader,
		because: "sessions are stored under hashes, which have any byte in them",
		check:   idsAreAnyBytes,
	},
	{
		name: "Load returns any value", says: saysLoad, part: loader,
		because: "a record is a binary header and encoded values",
		check:   valuesAreAnyBytes,
	},
	{
		name: "Load returns a copy", says: saysLoad, part: loader,
		because: "a handler that changes what it was given would change the session of all requests, without a lock",
		check:   func(s *subject) { readsReturnACopy(s); returnedStaysAsItWas(s) },
	},
	{
		name: "Load finds no entry whose ttl is over", says: saysLoad, part: loader, waits: true,
		because: "a session that timed out would be open to whoever comes next",
		check:   func(s *subject) { goneOnceTTLIsOver(s); readingDoesNotLengthen(s) },
	},
	{
		name: "Load finds no entry that was removed, and makes none", says: saysLoad, part: loader,
		because: "a user who logged out would still be logged in",
		check:   func(s *subject) { goneOnceRemoved(s); nothingElseMakesAnEntry(s) },
	},
	{
		name: "Load that was cancelled is an error, or right", says: saysLoad, part: loader,
		because: "a user whose request was cut short would be taken for a stranger, and lose the session to a new one",
		check:   cancelledLoadIsAnErrorOrRight,
	},
	{
		name: "Load from a closed store is an error", says: saysLoad, part: closingLoader,
		because: "while the store is away all users would be taken for strangers, and lose their sessions to new ones",
		check:   loadFromAClosedStoreIsAnError,
	},
}

func cancelledLoadIsAnErrorOrRight(s *subject) {
	s.set("a", "1", hour)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	value, found, err := s.store.(holdfast.Loader).Load(ctx, nil, s.id("a"))
	s.did("Load(%q) with a context that is cancelled", "a")
	s.expect(err != nil || found && string(value) == "1", `an error, or "1"`, answer(value, found)+", and no error")
}

func loadFromAClosedStoreIsAnError(s *subject) {
	s.set("a", "1", hour)
	s.close()
	value, found, err := s.store.(holdfast.Loader).Load(context.Background(), nil, s.id("a"))
	s.did("Load(%q)", "a")
	s.expect(err != nil, "an error: the store is closed", fmt.Sprint(answer(value, found), ", and no error"))
}
