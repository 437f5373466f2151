package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/examples/internal/browser"
)

// visitor returns the browser of a visitor who has set an address.
func visitor(t *testing.T) *browser.Browser {
	t.Helper()
	b := browser.Open(t, newHandler(browser.Sessions(t, holdfast.Options{}))).Browser()
	b.Header.Set("Sec-Fetch-Site", "same-origin")
	page := b.Post("/address", "address", "2 Engine Street")
	require.Contains(t, page.Text, "Your parcels go to 2 Engine Street")
	return b
}

func TestForm_of_another_origin(t *testing.T) {
	for name, header := range map[string]http.Header{
		"another site":                 {"Sec-Fetch-Site": {"cross-site"}},
		"another port or subdomain":    {"Sec-Fetch-Site": {"same-site"}},
		"an old browser":               {"Origin": {"http://attacker.example"}},
		"a page without an origin":     {"Origin": {"null"}},
		"another site with two values": {"Sec-Fetch-Site": {"cross-site", "same-origin"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := visitor(t)
			b.Header = header
			page := b.Post("/address", "address", "1 Thief Lane")
			assert.Equal(t, http.StatusForbidden, page.Status)
			assert.Contains(t, page.Text, "This form came from another site")
			assert.NotContains(t, page.Header, "Vary", "the session is not read")

			b.Header = http.Header{}
			assert.Contains(t, b.Get("/").Text, "Your parcels go to 2 Engine Street")
		})
	}
}

func TestForm_of_our_own(t *testing.T) {
	b := visitor(t)
	for _, header := range []http.Header{
		{"Sec-Fetch-Site": {"same-origin"}},
		{"Sec-Fetch-Site": {"none"}}, // the user reloads the page
		{},                           // not a browser: no cookies to abuse
	} {
		b.Header = header
		assert.Equal(t, http.StatusOK, b.Post("/address", "address", "3 Loom Road").Status, header)
	}
}

func TestForm_sent_with_GET(t *testing.T) {
	b := visitor(t)
	assert.Equal(t, http.StatusMethodNotAllowed, b.Get("/address?address=1+Thief+Lane").Status)
	assert.Contains(t, b.Get("/").Text, "Your parcels go to 2 Engine Street")
}

func TestAttack_comes_from_the_other_site(t *testing.T) {
	b := visitor(t)
	assert.Contains(t, b.Get("/").Text, `<a href="http://localhost:`)
	assert.Contains(t, b.Get("/attack").Text, `action="http://localhost:`)
	assert.Equal(t, "127.0.0.1:3000", otherName("localhost:3000"))
	assert.Equal(t, "localhost:3000", otherName("127.0.0.1:3000"))
	assert.True(t, strings.HasPrefix(otherName("localhost"), "127.0.0.1"))
}

func TestRun_stops(t *testing.T) { browser.Stops(t, run) }
