package holdfast_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/holdfast-go/holdfast"
)

// X-Forwarded-Proto of a trusted proxy makes the cookie Secure.
func TestTrustedProxies(t *testing.T) {
	for name, test := range map[string]struct {
		remote string
		proto  []string
		secure bool
	}{
		"https":                     {"10.1.2.3:4711", []string{"https"}, true},
		"in capitals":               {"10.1.2.3:4711", []string{"HTTPS"}, true},
		"the first of its list":     {"10.1.2.3:4711", []string{" https , http"}, true},
		"the second of its list":    {"10.1.2.3:4711", []string{"http,https"}, false},
		"the first of two lines":    {"10.1.2.3:4711", []string{"http", "https"}, false},
		"http":                      {"10.1.2.3:4711", []string{"http"}, false},
		"empty":                     {"10.1.2.3:4711", []string{""}, false},
		"absent":                    {"10.1.2.3:4711", nil, false},
		"IPv4 in IPv6":              {"[::ffff:10.1.2.3]:4711", []string{"https"}, true},
		"a network written as IPv6": {"172.16.3.4:4711", []string{"https"}, true},
		"IPv6":                      {"[fd00::1]:4711", []string{"https"}, true},
		"IPv6 with a zone":          {"[fd00::1%eth0]:4711", []string{"https"}, true},
		"a stranger":                {"192.0.2.1:4711", []string{"https"}, false},
		"a stranger of IPv6":        {"[2001:db8::1]:4711", []string{"https"}, false},
		"an address that is none":   {"@", []string{"https"}, false},
		"an address without a port": {"10.1.2.3", []string{"https"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			client := direct(t, holdfast.Options{TrustedProxies: []netip.Prefix{
				netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"),
				netip.MustParsePrefix("::ffff:172.16.0.0/108"),
			}}, pages{"/": count})
			request := get("/")
			request.RemoteAddr = test.remote
			if test.proto != nil {
				request.Header["X-Forwarded-Proto"] = test.proto
			}
			client.send(request)
			assert.Equal(t, test.secure, client.cookie.Secure)
		})
	}
}

func TestTrustedProxies_zero(t *testing.T) {
	_, err := holdfast.New(holdfast.Options{TrustedProxies: []netip.Prefix{{}}})
	assert.ErrorIs(t, err, holdfast.ErrOptions)
}

// A change of the slice after New has no effect.
func TestTrustedProxies_are_copied(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	manager, _ := manage(t, holdfast.Options{TrustedProxies: proxies})
	proxies[0] = netip.MustParsePrefix("0.0.0.0/0")
	request := get("/")
	request.RemoteAddr = "192.0.2.1:1"
	request.Header.Set("X-Forwarded-Proto", "https")
	assert.NotContains(t, record(manager.Handler(pages{"/": count}.handler()), request).Header().Get("Set-Cookie"), "Secure")
}
