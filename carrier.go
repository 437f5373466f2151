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
	// working returns the carrier as it works, or says what is wrong with it.
	working() (carrier, error)

	// namespace is the default of Options.Namespace.
	namespace() string
}

// carrier is a Carrier at work. A token is what the client presents: the ID,
// signed if Options.Keys are set.
type carrier interface {
	// admits is asked before the handler runs; false means that this request
	// has no session.
	admits(r *http.Request) bool

	// presented returns the n-th token of the request, counted from 0, and
	// reports whether there is one.
	presented(r *http.Request, secure bool, n int) (token string, ok bool)

	// issue hands the client a token, which is good for ttl if it is used no
	// more.
	issue(h http.Header, secure bool, token string, ttl time.Duration)

	// withdraw makes the client forget its token.
	withdraw(h http.Header, secure bool)

	// discloses says in the response's header who may keep it. looked tells
	// whether the response depends on the session; line is memory for a line of
	// the header.
	discloses(h http.Header, looked bool, line *[1]string)
}

const (
	defaultName   = "session"
	defaultHeader = "X-Session"
)

// Header carries the token in a header of the request, for APIs and mobile
// applications. A new token comes back in the response's header of that name,
// an empty one after Destroy. The client stores it, and no browser sends it by
// itself: forgery across sites is impossible, but so are plain links and forms.
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

func (c Header) presented(r *http.Request, _ bool, n int) (string, bool) {
	return r.Header.Get(c.Name), n == 0
}

func (c Header) issue(h http.Header, _ bool, token string, _ time.Duration) {
	h.Set(c.Name, token)
	h.Set("Cache-Control", "no-store")
}

func (c Header) withdraw(h http.Header, _ bool) { h.Set(c.Name, "") }

func (c Header) discloses(h http.Header, looked bool, line *[1]string) {
	if looked {
		vary(h, c.Name, line)
	}
}

// Form carries the token in a field of posted forms, for pages that must work
// without cookies. Every form has to contain it; Session.Token is its value.
// The body of a posted form is read before the handler runs, so a limit on its
// size (http.MaxBytesHandler) has to stand outside Manager.Handler.
//
// Whoever sees the page's source sees the log-in; no response of such a session
// is cached, and none tells other sites where the user came from.
type Form struct {
	Field string // "" means session
}

func (c Form) working() (carrier, error) {
	c.Field = cmp.Or(c.Field, defaultName)
	return c, nil
}

func (c Form) namespace() string { return "form " + cmp.Or(c.Field, defaultName) }

// admits reads the form for this request and for all copies that the handlers
// below make of it.
func (c Form) admits(r *http.Request) bool {
	r.PostFormValue(c.Field)
	return true
}

func (c Form) presented(r *http.Request, _ bool, n int) (string, bool) {
	return r.PostForm.Get(c.Field), n == 0
}

func (c Form) issue(http.Header, bool, string, time.Duration) {}
func (c Form) withdraw(http.Header, bool)                     {}
func (c Form) discloses(h http.Header, _ bool, _ *[1]string)  { keepPrivate(h) }

// Query carries the token in the URL, for clients that can do nothing else.
// Every link has to contain it; Session.Token is its value.
//
// Use it only when nothing else works: URLs end up in histories, logs,
// screenshots and messages to friends, and whoever has the URL is the user. No
// response of such a session is cached, and none tells other sites its URL.
type Query struct {
	Param string // "" means session
}

func (c Query) working() (carrier, error) {
	c.Param = cmp.Or(c.Param, defaultName)
	return c, nil
}

func (c Query) namespace() string { return "query " + cmp.Or(c.Param, defaultName) }

func (c Query) admits(*http.Request) bool { return true }

func (c Query) presented(r *http.Request, _ bool, n int) (string, bool) {
	if n > 0 {
		return "", false
	}
	return r.URL.Query().Get(c.Param), true
}

func (c Query) issue(http.Header, bool, string, time.Duration) {}
func (c Query) withdraw(http.Header, bool)                     {}
func (c Query) discloses(h http.Header, _ bool, _ *[1]string)  { keepPrivate(h) }

// keepPrivate is for responses that contain a token: nobody keeps them, and
// their address stays here.
func keepPrivate(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
}

// vary tells caches that the response depends on a header of the request.
func vary(h http.Header, on string, line *[1]string) {
	if len(h["Vary"]) == 0 {
		line[0] = on
		h["Vary"] = line[:]
		return
	}
	for _, line := range h["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name == "*" || strings.EqualFold(name, on) {
				return
			}
		}
	}
	h.Add("Vary", on)
}

// isToken reports whether s is what RFC 9110 calls a token: a name that may
// stand in a header.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isURLBase64(c) && !strings.ContainsRune("!#$%&'*+.^`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}
