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

// Cookie carries the token in a cookie. The zero value suits most sites: the
// cookie is for the whole site, scripts cannot read it, requests from other
// sites carry it only if the user follows a link, and it ends when the browser
// closes. It is Secure if the request came over TLS.
type Cookie struct {
	// Name of the cookie. If a request has several of the name, up to 16 are
	// examined, and the first four that have the form of an ID are tried. ""
	// means session, or if the cookie is Secure __Host-session, which no other
	// host can set; with a Domain or a Path, __Secure-session. Any other name
	// is used unchanged.
	Name string

	// Path limits the cookie to this path and the paths below it. "" means /.
	// Requests for other paths have no session. Path is compared with the path
	// that the client sent, also below http.StripPrefix. Write it as in a URL:
	// /caf%C3%A9, not /café, which no browser matches.
	Path string

	// Domain shares the cookie with the subdomains of Domain. "" means this
	// host alone.
	Domain string

	// Secure decides when the cookie is for TLS alone. The zero value,
	// SecureAuto, means if the request came over TLS.
	Secure SecureMode

	// SameSite decides which requests from other sites carry the cookie. 0
	// means http.SameSiteLaxMode. http.SameSiteNoneMode works over TLS alone;
	// SameSiteAuto means None over TLS and Lax otherwise.
	SameSite http.SameSite

	// Persistent makes the cookie outlive the browser session, up to the end of
	// the session's absolute lifetime. Session.SetIdleTimeout and SetExpires do
	// so for one session.
	Persistent bool

	// Rolling sends the cookie again with each response that used the session.
	// So the Max-Age of Session.SetIdleTimeout counts from the latest request
	// in the browser too. Caches may keep none of those responses.
	Rolling bool

	// Partitioned keeps the cookie apart for each site that embeds this one.
	// It needs TLS.
	Partitioned bool

	// Priority decides which cookies the browser drops last if a host has too
	// many: Low, Medium or High. "" leaves it to the browser.
	Priority string

	// ScriptReadable drops HttpOnly. Then any script of the page can steal the
	// session.
	ScriptReadable bool

	// KeepAfterDestroy leaves the cookie in the browser when its session is
	// destroyed, as express-session does. The cookie identifies nobody then.
	KeepAfterDestroy bool
}

// SecureMode decides when a cookie has the Secure attribute.
type SecureMode uint8

const (
	// SecureAuto: if the request came over TLS, or a trusted proxy reports so.
	SecureAuto SecureMode = iota
	// SecureAlways: on every response, for servers behind a TLS proxy that they
	// do not know. Over plain HTTP the browser drops such a cookie; a log line
	// warns of that once.
	SecureAlways
	// SecureNever: on no response, for networks without TLS.
	SecureNever
)

// SameSiteAuto is http.SameSiteNoneMode for a Secure cookie and
// http.SameSiteLaxMode for others.
const SameSiteAuto http.SameSite = -1

// CookieFunc chooses the cookie for each request, by host or path for example.
// It is called once for a request, and must be safe for concurrent use. If it
// returns a cookie that cannot work, the ErrorHandler answers each request that
// uses its session.
type CookieFunc func(r *http.Request) Cookie

const (
	hostPrefix   = "__Host-"
	securePrefix = "__Secure-"

	// Browsers silently drop a larger cookie.
	maxCookieBytes = 4096

	// Browsers make a longer Max-Age this (RFC 6265bis, section 5.5).
	maxCookieAge = 400 * 24 * time.Hour
)

func (c Cookie) working() (carrier, error) {
	cookie, err := c.complete()
	if err != nil {
		return nil, err // not a carrier that is a nil *Cookie
	}
	return cookie, nil
}

// complete returns the cookie with its defaults. The error wraps ErrOptions.
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

// checkCookiePath returns an error for a path that no browser sends in this
// form.
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
	for part := range strings.SplitSeq(decoded, "/") {
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

// isSecure returns the Secure attribute. tls reports whether the request came
// over TLS.
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

// namespace uses the name without the prefix that TLS adds, so that a session
// does not depend on TLS.
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

// originalPath returns the path that the client sent. An outer handler may have
// stripped a prefix from r.URL.Path.
func originalPath(r *http.Request) string {
	if path, _, _ := strings.Cut(r.RequestURI, "?"); strings.HasPrefix(path, "/") {
		if path, err := url.PathUnescape(path); err == nil {
			return path
		}
	}
	return r.URL.Path
}

func (c *Cookie) extract(r *http.Request, tls bool, from int) (token string, next int, ok bool) {
	value, next, ok := cookieValue(r.Header["Cookie"], c.name(c.isSecure(tls)), from)
	if strings.IndexByte(value, '%') < 0 {
		return value, next, ok
	}
	if token, err := url.PathUnescape(value); err == nil {
		return token, next, ok
	}
	return "", next, ok
}

func (c *Cookie) write(h http.Header, tls bool, token string, ttl time.Duration) {
	cookie := c.cookie(escapeCookie(token), c.isSecure(tls))
	if ttl > 0 {
		age := min(ttl, maxCookieAge)
		cookie.MaxAge = int((age + time.Second - 1) / time.Second)
		cookie.Expires = time.Now().Add(age)
	}
	c.add(h, cookie)
}

func (c *Cookie) clear(h http.Header, tls bool) {
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

func (c *Cookie) header() string { return "Cookie" }

// working returns no carrier: each request chooses its own.
func (f CookieFunc) working() (carrier, error) {
	if f == nil {
		return nil, fmt.Errorf("%w: CookieFunc is nil", ErrOptions)
	}
	return nil, nil
}

func (f CookieFunc) namespace() string { return "" }

// escapeCookie encodes bytes that a cookie's value must not contain. It encodes
// like JavaScript's encodeURIComponent, which express-session uses.
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

// cookieValue returns the value of the first cookie of that name at or after
// the position from, and the position after the cookie. Positions are bytes of
// all lines. Unlike (*http.Request).CookiesNamed it does not allocate or
// unquote: a token is never quoted.
func cookieValue(lines []string, name string, from int) (value string, next int, ok bool) {
	for _, line := range lines {
		next += len(line)
		for rest := line[min(len(line), max(0, from-next+len(line))):]; rest != ""; {
			var pair string
			pair, rest, _ = strings.Cut(rest, ";")
			key, value, ok := strings.Cut(textproto.TrimString(pair), "=")
			if ok && key == name {
				return value, next - len(rest), true
			}
		}
	}
	return "", next, false
}
