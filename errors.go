package holdfast

import (
	"errors"

	"github.com/holdfast-go/holdfast/internal/record"
)

// Every error of this package wraps one of these, or is an error of the store
// or the codec. None contains a session's ID or a value.
var (
	// ErrOptions: a Manager cannot work with an option of New, or with the
	// cookie of a CookieFunc.
	ErrOptions = errors.New("holdfast: invalid options")

	// ErrEnded: the session of this request has ended. It was destroyed or
	// evicted, it expired, or another request gave it a new ID. Nothing can be
	// stored in it.
	ErrEnded = errors.New("holdfast: the session has ended")

	// ErrHeaderSent: the client needs a new cookie, but the response's header
	// was sent already. Make the call before the first byte.
	ErrHeaderSent = errors.New("holdfast: the response header was sent already")

	// ErrValue: a value cannot be encoded, the stored value has another type,
	// the user ID is empty, or the idle timeout is below a second.
	ErrValue = errors.New("holdfast: invalid value")

	// ErrID: Options.NewID failed, or its result cannot be an ID or is the ID
	// of another session.
	ErrID = errors.New("holdfast: no valid session ID")

	// ErrCookie: the cookie would be larger than browsers accept.
	ErrCookie = errors.New("holdfast: cookie too large")

	// ErrUnsupported: the Store cannot list sessions.
	ErrUnsupported = errors.New("holdfast: not supported by the store")

	// ErrUnavailable: the Store cannot be reached, did not answer in time, or
	// refuses to work, because it is full for example. Nothing is known about
	// the session. A write that failed may have been carried out.
	ErrUnavailable = errors.New("holdfast: the session store is not available")

	// ErrRecord: the store has bytes that this version cannot read: they are
	// damaged, or of another program or a later version. Session.Login and
	// Session.Destroy remove them.
	ErrRecord = record.ErrDamaged
)
