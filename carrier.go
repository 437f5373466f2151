package holdfast

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Carrier is how the session's token travels between client and server: one of
// Cookie, CookieFunc, Header, Form and Query. A Manager has one. To serve
// browsers and an API from the same sessions, make two Managers on one Store
// with one Options.Namespace.
type Carrier interface {
	// working returns the carrier with its defaults. CookieFunc returns nil.
	working() (carrier, error)

	// namespace returns the default of Options.Namespace.
	namespace() string
}

// carrier is a Carrier with its defaults. A token is the ID, signed if
// Options.Keys are set.
type carrier interface {
	// admits reports whether the request can have a session. It is called
	// before the handler runs.
	admits(r *http.Request) bool

	// extract returns the first token of the request at or after the position
	// from, and the position after it. It reports false if there is none. The
	// first position is 0.
	extract(r *http.Request, tls bool, from int) (token string, next int, ok bool)

	// write sends the client a token. ttl is how long the token is valid
	// without another request; 0 means until the browser closes.
	write(h http.Header, tls bool, token string, ttl time.Duration)

	// clear makes the client forget its token.
	clear(h http.Header, tls bool)

	// header returns the name of the request header that has the token. ""
	// means that pages contain the token, so no response may be cached.
	header() string
}

const (
	defaultName   = "session"
	defaultHeader = "X-Session"
)

// Header carries the token in a header of the request, for APIs and mobile
// applications. The response has a new token in its header of the same name,
// and an empty one after Destroy. The client stores it. No browser sends it by
// itself: other sites can forge no request, but links and plain forms have no
// session.
type Header struct {
	Name string // "" means X-Session
}

func (c Header) working() (carrier, error) {
	c.Name = cmp.Or(c.Name, defaultHeader)
	if !isToken(c.Name) {
		return nil, fmt.Errorf("%w: Header.Name is %q, which cannot be a header's name", ErrOptions, c.Name)
	}
	c.Name = http.CanonicalHeaderKey(c.Name)
	return c, nil
}

func (c Header) namespace() string {
	return "header " + http.CanonicalHeaderKey(cmp.Or(c.Name, defaultHeader))
}

func (c Header) admits(*http.Request) bool { return true }

func (c Header) extract(r *http.Request, _ bool, from int) (string, int, bool) {
	return r.Header.Get(c.Name), 1, from == 0
}

func (c Header) write(h http.Header, _ bool, token string, _ time.Duration) {
	h.Set(c.Name, token)
	h.Set("Cache-Control", "no-store")
}

func (c Header) clear(h http.Header, _ bool) { h.Set(c.Name, "") }
func (c Header) header() string              { return c.Name }

// Form carries the token in a field of posted forms, for pages that must work
// without cookies. Each form must contain it; Session.Token is its value. The
// body of a posted form is read before the handler runs, so a limit on its size
// (http.MaxBytesHandler) must be outside Manager.Handler.
//
// Everyone who sees the source of a page can use its session. No response of
// the Manager is cached, and none names its page as a referrer.
type Form struct {
	Field string // "" means session
}

func (c Form) working() (carrier, error) {
	c.Field = cmp.Or(c.Field, defaultName)
	return c, nil
}

func (c Form) namespace() string { return "form " + cmp.Or(c.Field, defaultName) }

// admits reads the form for this request and for its copies.
func (c Form) admits(r *http.Request) bool {
	r.PostFormValue(c.Field)
	return true
}

func (c Form) extract(r *http.Request, _ bool, from int) (string, int, bool) {
	return r.PostForm.Get(c.Field), 1, from == 0
}

func (c Form) write(http.Header, bool, string, time.Duration) {}
func (c Form) clear(http.Header, bool)                        {}
func (c Form) header() string                                 { return "" }

// Query carries the token in the URL, for clients that can do nothing else.
// Each link must contain it; Session.Token is its value.
//
// Use it only if nothing else works: URLs are in histories, logs, screenshots
// and messages, and everyone who has the URL is the user. No response of such a
// session is cached, and none names its URL as a referrer.
type Query struct {
	Param string // "" means session
}

func (c Query) working() (carrier, error) {
	c.Param = cmp.Or(c.Param, defaultName)
	return c, nil
}

func (c Query) namespace() string { return "query " + cmp.Or(c.Param, defaultName) }

func (c Query) admits(*http.Request) bool { return true }

func (c Query) extract(r *http.Request, _ bool, from int) (string, int, bool) {
	if from > 0 {
		return "", from, false
	}
	return r.URL.Query().Get(c.Param), 1, true
}

func (c Query) write(http.Header, bool, string, time.Duration) {}
func (c Query) clear(http.Header, bool)                        {}
func (c Query) header() string                                 { return "" }

// isToken reports whether s is a token in the sense of RFC 9110, section 5.6.2:
// a possible name of a header.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isURLBase64(c) && !strings.ContainsRune("!#$%&'*+.^`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}
