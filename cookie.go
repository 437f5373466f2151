package holdfast

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Cookie says how the session's ID travels. The zero value is right for most:
// a cookie for the whole site that scripts cannot read, that other sites'
// requests carry only when the user follows a link, and that ends with the
// browser session. It is Secure whenever the request came over TLS.
type Cookie struct {
	// Name of the cookie. "" means session, and over TLS __Host-session, which
	// no other host can set; with a Domain or a Path, __Secure-session. A name
	// of one's own is used as it is.
	Name string

	// Path limits the cookie to paths below it. "" means /.
	Path string

	// Domain shares the cookie with the subdomains of Domain. "" means this
	// host only.
	Domain string

	// SameSite says which requests from other sites carry the cookie. 0 means
	// http.SameSiteLaxMode; http.SameSiteNoneMode works over TLS alone.
	SameSite http.SameSite
}

const (
	defaultCookieName = "session"
	hostPrefix        = "__Host-"
	securePrefix      = "__Secure-"
)

func (c Cookie) withDefaults() (Cookie, error) {
	if c.Path == "" {
		c.Path = "/"
	}
	if c.SameSite == 0 {
		c.SameSite = http.SameSiteLaxMode
	}
	if c.SameSite < http.SameSiteLaxMode || c.SameSite > http.SameSiteNoneMode {
		return c, fmt.Errorf("%w: Cookie.SameSite is %d, it must be one of net/http's Lax, Strict and None modes", ErrOptions, c.SameSite)
	}
	sample := c.with(c.name(true), "value", true)
	if err := sample.Valid(); err != nil {
		return c, fmt.Errorf("%w: Cookie: %w", ErrOptions, err)
	}
	if strings.HasPrefix(c.Name, hostPrefix) && !c.hostOnly() {
		return c, fmt.Errorf("%w: Cookie.Name starts with %s, which browsers accept with Path / and no Domain only", ErrOptions, hostPrefix)
	}
	return c, nil
}

func (c *Cookie) hostOnly() bool { return c.Path == "/" && c.Domain == "" }

func (c *Cookie) name(secure bool) string {
	switch {
	case c.Name != "":
		return c.Name
	case !secure:
		return defaultCookieName
	case c.hostOnly():
		return hostPrefix + defaultCookieName
	}
	return securePrefix + defaultCookieName
}

func (c *Cookie) with(name, value string, secure bool) *http.Cookie {
	return &http.Cookie{
		Name: name, Value: value,
		Path: c.Path, Domain: c.Domain,
		HttpOnly: true, Secure: secure, SameSite: c.SameSite,
	}
}

// id returns the ID that the request presents, or "" if it presents none that
// could be one of ours.
func (c *Cookie) id(r *http.Request) string {
	value := cookieValue(r.Header["Cookie"], c.name(isSecure(r)))
	if !validID(value) {
		return ""
	}
	return value
}

// set returns the cookie that carries id. A maxAge of 0 makes it end with the
// browser session.
func (c *Cookie) set(r *http.Request, id string, maxAge time.Duration) *http.Cookie {
	secure := isSecure(r)
	cookie := c.with(c.name(secure), id, secure)
	cookie.MaxAge = int(maxAge / time.Second)
	return cookie
}

// expired returns the cookie that makes the browser forget the ID.
func (c *Cookie) expired(r *http.Request) *http.Cookie {
	secure := isSecure(r)
	cookie := c.with(c.name(secure), "", secure)
	cookie.MaxAge = -1
	cookie.Expires = time.Unix(1, 0)
	return cookie
}

func isSecure(r *http.Request) bool { return r.TLS != nil }

// cookieValue returns the value of the first cookie of that name. It is
// (*http.Request).Cookie without its allocations, and without unquoting: an ID
// is never quoted.
func cookieValue(lines []string, name string) string {
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			key, value, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
			if ok && key == name {
				return value
			}
		}
	}
	return ""
}
