package holdfast

import "errors"

// Every error of this package wraps one of these, or is an error of the store
// or the codec. None of them contains a session's ID or a value.
var (
	// ErrOptions: an option that a Manager cannot work with, given to New or
	// chosen by a CookieFunc.
	ErrOptions = errors.New("holdfast: invalid options")

	// ErrEnded: the session that this request began with has meanwhile been
	// destroyed or evicted, has expired, or got a new ID by another request. So
	// nothing can be stored in it, and it is not brought back.
	ErrEnded = errors.New("holdfast: the session has ended")

	// ErrHeaderSent: the client needs a new cookie for this, and the
	// response's header has left already. Do it before the first byte.
	ErrHeaderSent = errors.New("holdfast: the response header was sent already")

	// ErrValue: an argument cannot be used: a value that cannot be encoded, or is
	// not of the type that is stored, an empty user ID, a Max-Age of less than a
	// second.
	ErrValue = errors.New("holdfast: invalid value")

	// ErrID: Options.NewID failed, or returned what cannot be an ID or is one
	// that a session has.
	ErrID = errors.New("holdfast: no valid session ID")

	// ErrCookie: the cookie would be larger than browsers accept.
	ErrCookie = errors.New("holdfast: cookie too large")

	// ErrUnsupported: the Store has no ScanValues method, which finding sessions
	// needs.
	ErrUnsupported = errors.New("holdfast: not supported by the store")

	// ErrRecord: the store returned bytes that this version of a Manager cannot
	// read: damaged ones, another program's, or a later version's. Session.Login
	// and Session.Destroy remove them.
	ErrRecord = errors.New("holdfast: damaged session record")
)
