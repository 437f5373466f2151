package holdfast

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"reflect"
	"time"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/codec"
)

const (
	defaultIdleTimeout      = time.Hour
	defaultAbsoluteLifetime = 24 * time.Hour
)

// Options configure a Manager. The zero value is safe: a cache of 64 MiB in
// this process, sessions that end after an hour without a request and a day
// after they began, and a cookie that is HttpOnly, SameSite=Lax, and on TLS
// Secure with the __Host- prefix.
//
// Options print as their type alone. In an unexported field of another struct
// fmt prints Keys, so keep Options only until New has them.
type Options struct {
	// Cache keeps the sessions in this process. It is the caller's to close.
	// nil, without a Store, means a cache of the Manager's own, with the
	// defaults of cache.Options, that Close closes.
	Cache *cache.Cache

	// Store keeps the sessions outside of this process, in a database for
	// example. It is the caller's to close. Set either Cache or Store.
	Store Store

	// Namespace separates the sessions of several Managers on one Cache or
	// Store: a Manager does not know the IDs of another, and lists and ends
	// only its own sessions. Managers with one Namespace share their sessions.
	// "" means the kind and name of the Carrier, so two Managers with the same
	// Carrier share sessions; give each site a Namespace or a cookie name of
	// its own. Do not nest the Handlers of two Managers that share sessions. A
	// CookieFunc has no name: with a Cache or a Store it needs a Namespace.
	// After a change of Namespace, the stored sessions are unknown.
	Namespace string

	// Codec turns values into bytes and back. nil means codec.MsgPack.
	Codec codec.Codec

	// IdleTimeout ends a session that no request has used for so long. 0 means
	// an hour, or AbsoluteLifetime if that is less. Less than a second or more
	// than AbsoluteLifetime is an error. Session.SetIdleTimeout overrides it
	// for one session.
	IdleTimeout time.Duration

	// AbsoluteLifetime ends a session so long after it began or its user logged
	// in, however active it is. 0 means 24 hours. Less than a second is an
	// error.
	AbsoluteLifetime time.Duration

	// Passive, if not nil, reports whether a request must not keep its session
	// alive: a page that polls, a ping. Such a request sees its session, but it
	// does not restart the idle timeout, does not count as a use for eviction,
	// and sends no rolling cookie. Stored changes, Touch, Regenerate and Login
	// restart the timeout even so. It must be safe for concurrent use, and must
	// not use the request's session.
	Passive func(r *http.Request) bool

	// Carrier is how the session's token travels. nil means Cookie{}.
	Carrier Carrier

	// Keys, if not nil, sign the IDs. The store sees no ID that no key
	// has signed. The first key signs, all keys verify. To rotate, put a
	// new key first, and remove the old one when its sessions have ended. Each
	// key has at least 16 bytes, better 32 of a random source. Keys are copied.
	Keys [][]byte

	// NewID, if not nil, makes the IDs: 22 to 256 characters of A-Z, a-z, 0-9,
	// - and _ that nobody can guess. If it fails, the ErrorHandler answers. It
	// must be safe for concurrent use, and must not use the request's session.
	NewID func(r *http.Request) (string, error)

	// TrustedProxies are the networks of the proxies whose X-Forwarded-Proto
	// tells whether the client used TLS. From all others the header changes
	// nothing. The request's RemoteAddr identifies a proxy, so a middleware
	// that rewrites it must be below Handler. A proxy on a Unix socket has no
	// address: use SecureAlways. The first entry of the header counts, so the
	// proxy must overwrite the client's.
	TrustedProxies []netip.Prefix

	// ErrorHandler answers a request whose session could not be read or stored.
	// If it could not be read, the handler has not run, except for a damaged
	// record. If it could not be stored, the handler has run, and its response
	// is dropped. err wraps an error of this package, the store or the codec. r
	// has the session in its context: if err is ErrRecord, Destroy removes the
	// damaged record. It must be safe for concurrent use. nil means the status
	// 503 with its text and Retry-After if err is ErrUnavailable, and 500
	// otherwise.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, err error)

	// Observer, if not nil, is called for each Event of the Manager's sessions,
	// for an audit log. It runs after the store has confirmed the change, on
	// the goroutine of the request, which waits for it. No lock is held, so it
	// may call the Manager. ctx is the context of the request, or of the
	// Manager's method. A panic is recovered, logged, and counted in
	// Stats.ObserverPanics. It must be safe for concurrent use: events of
	// concurrent requests may come in another order than their changes.
	//
	// Some ends are not reported. A Store forgets a session that nobody uses
	// any more without notifying the Manager; a request that presents its ID
	// later is an EventRefused. Each process reports its own requests. A cache
	// of the caller reports evicted and expired sessions through
	// Manager.OnEvict. A call of the store that failed with ErrUnavailable is
	// not reported, but may have been carried out.
	Observer func(ctx context.Context, e Event)

	// ClientAddr, if not nil, returns the client's address for Event.Addr, such
	// as r.RemoteAddr. Behind a proxy, only the application knows which header
	// it may believe. It is called before Observer alone, and must be safe for
	// concurrent use.
	ClientAddr func(r *http.Request) string

	// Logger gets each such error, and errors after the first byte, which no
	// response can show, with the method and path of the request. It gets one
	// warning if browsers will drop the cookie, and at debug level the changes
	// that came after their session had ended. nil means slog.Default. IDs and
	// values are never logged. Keys of values are, in errors.
	Logger *slog.Logger
}

// withDefaults returns o with its defaults, except Cache.
func (o Options) withDefaults() (Options, error) {
	if err := o.checkParts(); err != nil {
		return o, err
	}
	if o.Codec == nil {
		o.Codec = codec.MsgPack{}
	}
	if o.AbsoluteLifetime == 0 {
		o.AbsoluteLifetime = defaultAbsoluteLifetime
	}
	if o.IdleTimeout == 0 {
		o.IdleTimeout = min(defaultIdleTimeout, max(o.AbsoluteLifetime, time.Second))
	}
	if o.IdleTimeout < time.Second {
		return o, fmt.Errorf("%w: IdleTimeout is %v, it must be at least a second, such as 30*time.Minute", ErrOptions, o.IdleTimeout)
	}
	if o.AbsoluteLifetime < time.Second {
		return o, fmt.Errorf("%w: AbsoluteLifetime is %v, it must be at least a second, such as 24*time.Hour", ErrOptions, o.AbsoluteLifetime)
	}
	if o.IdleTimeout > o.AbsoluteLifetime {
		return o, fmt.Errorf("%w: IdleTimeout is %v, but every session ends after AbsoluteLifetime, %v: raise that too", ErrOptions, o.IdleTimeout, o.AbsoluteLifetime)
	}
	if o.ErrorHandler == nil {
		o.ErrorHandler = answerStatus
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Carrier == nil {
		o.Carrier = Cookie{}
	}
	if o.Namespace == "" {
		o.Namespace = o.Carrier.namespace()
	}
	if _, ok := o.Carrier.(CookieFunc); ok && o.Namespace == "" && (o.Store != nil || o.Cache != nil) {
		return o, fmt.Errorf("%w: Namespace is empty, but with a CookieFunc and a Cache or Store it must be set, so that other Managers on it do not share the sessions", ErrOptions)
	}
	for _, network := range o.TrustedProxies {
		if !network.IsValid() {
			return o, fmt.Errorf("%w: TrustedProxies contains the zero netip.Prefix", ErrOptions)
		}
	}
	return o, nil
}

// checkParts returns an error for a part that would fail later.
func (o Options) checkParts() error {
	for name, part := range map[string]any{"Store": o.Store, "Codec": o.Codec, "Carrier": o.Carrier} {
		if v := reflect.ValueOf(part); v.Kind() == reflect.Pointer && v.IsNil() {
			remedy := "; leave it out for the default"
			if name == "Store" {
				remedy = ": was the error of its New checked?"
			}
			return fmt.Errorf("%w: %s is a nil %T%s", ErrOptions, name, part, remedy)
		}
	}
	if o.Cache != nil && o.Store != nil {
		return fmt.Errorf("%w: both Cache and Store are set; leave one out", ErrOptions)
	}
	if o.Cache != nil {
		err := o.Cache.Update("open?", func([]byte, bool) (cache.Change, error) { return cache.Keep(), nil })
		if err != nil {
			return fmt.Errorf("%w: Cache cannot be used: %w", ErrOptions, err)
		}
	}
	if sealed, ok := o.Codec.(*codec.Sealed); ok {
		if _, err := sealed.Marshal(""); errors.Is(err, codec.ErrKey) {
			return fmt.Errorf("%w: Codec is a Sealed without keys; make it with codec.NewSealed", ErrOptions)
		}
	}
	return nil
}

// Format prints the type alone, since Keys are secrets.
func (o Options) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "holdfast.Options") }

// answerStatus is the default ErrorHandler.
func answerStatus(w http.ResponseWriter, _ *http.Request, err error) {
	status := http.StatusInternalServerError
	if errors.Is(err, ErrUnavailable) {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	}
	http.Error(w, http.StatusText(status), status)
}
