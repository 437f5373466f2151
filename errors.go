package holdfast

import "errors"

// Every error of this package wraps one of these, or is an error of the store
// or the codec. None of them contains a session's ID or a value.
var (
	// ErrOptions: New was given an option that it cannot work with.
	ErrOptions = errors.New("holdfast: invalid options")

	// ErrEnded: the session that this request began with has meanwhile been
	// destroyed or evicted, has expired, or got a new ID by another request. So
	// nothing can be stored in it, and it is not brought back.
	ErrEnded = errors.New("holdfast: the session has ended")

	// ErrHeaderSent: the client needs a new cookie for this, and the
	// response's header has left already. Do it before the first byte.
	ErrHeaderSent = errors.New("holdfast: the response header was sent already")

	// ErrValue: a value cannot be encoded, or what is stored under the key is
	// of another type.
	ErrValue = errors.New("holdfast: value")

	// ErrID: Options.NewID failed, or returned what cannot be an ID.
	ErrID = errors.New("holdfast: session ID")

	// ErrCookie: the cookie would be larger than browsers accept.
	ErrCookie = errors.New("holdfast: cookie too large")

	// ErrUnsupported: the Store has no Matching method, which finding sessions
	// needs.
	ErrUnsupported = errors.New("holdfast: not supported by the store")

	// ErrRecord: the store returned bytes that no Manager wrote.
	ErrRecord = errors.New("holdfast: damaged session record")
)
