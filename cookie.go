package holdfast

import (
	"cmp"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"
)

// Cookie carries the token in a cookie. The zero value is right for most: a
// cookie for the whole site that scripts cannot read, that other sites'
// requests carry only when the user follows a link, and that ends with the
// browser session. It is Secure whenever the request came over TLS.
type Cookie struct {
	// Name of the cookie. "" means session, and when the cookie is Secure
	// __Host-session, which no other host can set; with a Domain or a Path,
	// __Secure-session. A name of one's own is used as it is.
	Name string

	// Path limits the cookie to this path and those below it. "" means /.
	// Requests for other paths have no session. It is compared with the path
	// that the client sent, also below http.StripPrefix. It is written as in a
	// URL: /caf%C3%A9, not /café, which no browser would match.
	Path string

	// Domain shares the cookie with the subdomains of Domain. "" means this
	// host only.
	Domain string

	// Secure says when the cookie is for TLS only. The zero value, SecureAuto,
	// means when the request came over TLS.
	Secure SecureMode

	// SameSite says which requests from other sites carry the cookie. 0 means
	// http.SameSiteLaxMode. http.SameSiteNoneMode works over TLS alone, so
	// SameSiteAuto means None there and Lax elsewhere.
	SameSite http.SameSite

	// Persistent makes the cookie outlive the browser session, up to the end
	// of the session's absolute lifetime. Session.SetIdleTimeout and SetExpires do so
	// for one session.
	Persistent bool

	// Rolling sends the cookie again with every response that looked at the
	// session, so that the Max-Age of Session.SetIdleTimeout counts from the latest
	// request in the browser too. Caches may then keep none of those responses.
	Rolling bool

	// Partitioned keeps the cookie apart for each site that embeds this one.
	// It needs TLS.
	Partitioned bool

	// Priority says what the browser drops last when a host has too many
	// cookies: Low, Medium or High. "" leaves it to the browser.
	Priority string

	// ScriptReadable drops HttpOnly: any script of the page can then take the
	// log-in away.
	ScriptReadable bool

	// KeepAfterDestroy leaves the cookie with the browser when its session is
	// destroyed, as express-session does. It is worth nothing there.
	KeepAfterDestroy bool
}

// SecureMode says when a cookie has the Secure attribute.
type SecureMode uint8

const (
	// SecureAuto: when the request came over TLS, or a trusted proxy says that
	// it did.
	SecureAuto SecureMode = iota
	// SecureAlways: on every response, for servers behind a TLS proxy that they
	// do not know. Over plain HTTP the browser drops such a cookie; the first
	// time that this may be so, it is logged.
	SecureAlways
	// SecureNever: on none, for networks that can do without.
	SecureNever
)

// SameSiteAuto is http.SameSiteNoneMode for a Secure cookie and
// http.SameSiteLaxMode for others.
const SameSiteAuto http.SameSite = -1

// CookieFunc chooses the cookie for each request, by host or path, say. It is
// called once for a request, and must be safe for concurrent use. A cookie that
// cannot work is an error of each response whose request looked at its session.
type CookieFunc func(r *http.Request) Cookie

const (
	hostPrefix   = "__Host-"
	securePrefix = "__Secure-"

	// Browsers drop a larger cookie without a word.
	maxCookieBytes = 4096

	// Browsers make a longer Max-Age this (RFC 6265bis, section 5.5).
	maxCookieAge = 400 * 24 * time.Hour
)

func (c Cookie) working() (carrier, error) {
	cookie, err := c.complete()
	if err != nil {
		return nil, err // no carrier, rather than one that is a nil *Cookie
	}
	return cookie, nil
}

// complete returns the cookie with its defaults, or says what is wrong with it.
func (c Cookie) complete() (*Cookie, error) {
	if c.Path == "" {
		c.Path = "/"
	}
	if c.SameSite == 0 {
		c.SameSite = http.SameSiteLaxMode
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return &c, nil
}

func (c *Cookie) check() error {
	if err := checkCookiePath(c.Path); err != nil {
		return err
	}
	if c.Secure > SecureNever {
		return fmt.Errorf("%w: Cookie.Secure is %d, it must be SecureAuto, SecureAlways or SecureNever", ErrOptions, c.Secure)
	}
	if c.SameSite != SameSiteAuto && (c.SameSite < http.SameSiteLaxMode || c.SameSite > http.SameSiteNoneMode) {
		return fmt.Errorf("%w: Cookie.SameSite is %d, it must be SameSiteAuto or one of net/http's Lax, Strict and None modes", ErrOptions, c.SameSite)
	}
	switch c.Priority {
	case "", "Low", "Medium", "High":
	default:
		return fmt.Errorf("%w: Cookie.Priority is %q, it must be Low, Medium, High or empty", ErrOptions, c.Priority)
	}
	if c.Secure == SecureNever && (c.SameSite == http.SameSiteNoneMode || c.Partitioned) {
		return fmt.Errorf("%w: Cookie.Secure is SecureNever, but browsers accept SameSite=None and Partitioned from Secure cookies only", ErrOptions)
	}
	switch {
	case hasPrefixFold(c.Name, hostPrefix) && (c.Secure == SecureNever || !c.hostOnly()):
		return fmt.Errorf("%w: Cookie.Name starts with %s, which browsers accept from Secure cookies with Path / and no Domain only", ErrOptions, hostPrefix)
	case hasPrefixFold(c.Name, securePrefix) && c.Secure == SecureNever:
		return fmt.Errorf("%w: Cookie.Name starts with %s, which browsers accept from Secure cookies only", ErrOptions, securePrefix)
	}
	if err := c.cookie("value", c.Secure != SecureNever).Valid(); err != nil {
		return fmt.Errorf("%w: Cookie: %w", ErrOptions, err)
	}
	longest := c.cookie(strings.Repeat("t", maxTokenLen), c.Secure != SecureNever)
	longest.MaxAge, longest.Expires = int(maxCookieAge/time.Second), time.Unix(1, 0)
	if n := len(c.line(longest)); n > maxCookieBytes {
		return fmt.Errorf("%w: Cookie: %w: with its Name, Path and Domain it can have %d bytes, browsers keep up to %d", ErrOptions, ErrCookie, n, maxCookieBytes)
	}
	return nil
}

// checkCookiePath returns an error for a path that no browser sends as it is
// written there.
func checkCookiePath(path string) error {
	if path[0] != '/' {
		return fmt.Errorf("%w: Cookie.Path is %q, it must begin with /", ErrOptions, path)
	}
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return fmt.Errorf("%w: Cookie.Path is %q, which is not a URL's path: %w", ErrOptions, path, err)
	}
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c >= 0x7F || strings.IndexByte("\"#<>?\\`{}", c) >= 0 {
			return fmt.Errorf("%w: Cookie.Path is %q, but browsers send %q: write that", ErrOptions, path, (&url.URL{Path: decoded}).EscapedPath())
		}
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "." || part == ".." {
			return fmt.Errorf("%w: Cookie.Path is %q, but browsers send a path without %q", ErrOptions, path, part)
		}
	}
	return nil
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

func (c *Cookie) hostOnly() bool { return c.Path == "/" && c.Domain == "" }

// isSecure decides the Secure attribute for a request that came over TLS, or
// did not.
func (c *Cookie) isSecure(tls bool) bool {
	return c.Secure == SecureAlways || c.Secure == SecureAuto && tls
}

// needsTLS reports whether browsers drop the cookie of a request that came over
// plain HTTP.
func (c *Cookie) needsTLS() bool {
	return c.isSecure(false) || c.SameSite == http.SameSiteNoneMode ||
		hasPrefixFold(c.Name, hostPrefix) || hasPrefixFold(c.Name, securePrefix)
}

func (c *Cookie) name(secure bool) string {
	switch {
	case c.Name != "":
		return c.Name
	case !secure:
		return defaultName
	case c.hostOnly():
		return hostPrefix + defaultName
	}
	return securePrefix + defaultName
}

func (c *Cookie) cookie(value string, secure bool) *http.Cookie {
	sameSite := c.SameSite
	if sameSite == SameSiteAuto {
		sameSite = http.SameSiteLaxMode
		if secure {
			sameSite = http.SameSiteNoneMode
		}
	}
	return &http.Cookie{
		Name: c.name(secure), Value: value,
		Path: c.Path, Domain: c.Domain,
		HttpOnly: !c.ScriptReadable, Secure: secure, SameSite: sameSite,
		Partitioned: c.Partitioned && secure,
	}
}

// namespace is the name that was chosen, not the one with a prefix that TLS
// adds, so a session does not depend on TLS.
func (c Cookie) namespace() string { return "cookie " + cmp.Or(c.Name, defaultName) }

// admits reports whether a browser would send a cookie of this Path along with
// the request (RFC 6265, section 5.1.4). It compares decoded paths, so that
// other spellings of the same path have a session too.
func (c *Cookie) admits(r *http.Request) bool {
	if c.Path == "/" {
		return true
	}
	path, err := url.PathUnescape(c.Path)
	if err != nil {
		path = c.Path
	}
	below, ok := strings.CutPrefix(originalPath(r), path)
	return ok && (below == "" || below[0] == '/' || path[len(path)-1] == '/')
}

// originalPath is the path that the client sent, which a handler above may have
// stripped.
func originalPath(r *http.Request) string {
	if path, _, _ := strings.Cut(r.RequestURI, "?"); strings.HasPrefix(path, "/") {
		if path, err := url.PathUnescape(path); err == nil {
			return path
		}
	}
	return r.URL.Path
}

func (c *Cookie) presented(r *http.Request, tls bool, n int) (token string, ok bool) {
	value, ok := cookieValue(r.Header["Cookie"], c.name(c.isSecure(tls)), n)
	if strings.IndexByte(value, '%') < 0 {
		return value, ok
	}
	if token, err := url.PathUnescape(value); err == nil {
		return token, ok
	}
	return "", ok
}

func (c *Cookie) issue(h http.Header, tls bool, token string, ttl time.Duration) {
	cookie := c.cookie(escapeCookie(token), c.isSecure(tls))
	if ttl > 0 {
		age := min(ttl, maxCookieAge)
		cookie.MaxAge = int((age + time.Second - 1) / time.Second)
		cookie.Expires = time.Now().Add(age)
	}
	c.add(h, cookie)
}

func (c *Cookie) withdraw(h http.Header, tls bool) {
	if c.KeepAfterDestroy {
		return
	}
	cookie := c.cookie("", c.isSecure(tls))
	cookie.MaxAge = -1
	cookie.Expires = time.Unix(1, 0)
	c.add(h, cookie)
}

func (c *Cookie) add(h http.Header, cookie *http.Cookie) {
	h.Add("Set-Cookie", c.line(cookie))
	h.Set("Cache-Control", "no-store")
}

func (c *Cookie) line(cookie *http.Cookie) string {
	line := cookie.String()
	if c.Priority != "" {
		line += "; Priority=" + c.Priority
	}
	return line
}

func (c *Cookie) discloses(h http.Header, looked bool, line *[1]string) {
	if looked {
		vary(h, "Cookie", line)
	}
}

// working returns no carrier: each request chooses its own.
func (f CookieFunc) working() (carrier, error) {
	if f == nil {
		return nil, fmt.Errorf("%w: CookieFunc is nil", ErrOptions)
	}
	return nil, nil
}

func (f CookieFunc) namespace() string { return "CookieFunc" }

// escapeCookie encodes what a cookie's value may not contain as JavaScript's
// encodeURIComponent does, which is what express-session puts on the wire.
func escapeCookie(token string) string {
	const hex = "0123456789ABCDEF"
	if strings.IndexFunc(token, needsEscape) < 0 {
		return token
	}
	var escaped strings.Builder
	for i := range len(token) {
		if c := token[i]; needsEscape(rune(c)) {
			escaped.Write([]byte{'%', hex[c>>4], hex[c&15]})
		} else {
			escaped.WriteByte(c)
		}
	}
	return escaped.String()
}

func needsEscape(c rune) bool {
	return c >= 0x80 || !isURLBase64(byte(c)) && !strings.ContainsRune(".!~*'()", c)
}

// cookieValue returns the value of the n-th cookie of that name, and whether
// there is one. It is (*http.Request).CookiesNamed without its allocations, and
// without unquoting: a token is never quoted.
func cookieValue(lines []string, name string, n int) (value string, ok bool) {
	for _, line := range lines {
		for rest := line; rest != ""; {
			var pair string
			pair, rest, _ = strings.Cut(rest, ";")
			key, value, ok := strings.Cut(textproto.TrimString(pair), "=")
			if !ok || key != name {
				continue
			}
			if n == 0 {
				return value, true
			}
			n--
		}
	}
	return "", false
}
