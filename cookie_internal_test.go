package holdfast

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCookieValue_first_of_its_name(t *testing.T) {
	for line, want := range map[string]string{
		"":                       "",
		"session":                "",
		"session=1":              "1",
		"a=0; session=1":         "1",
		"a=0;session=1;b=2":      "1",
		" session=1 ":            "1",
		"session=1; session=2":   "1",
		"xsession=0; session=1":  "1",
		"session2=0; session=1":  "1",
		"session=a=b":            "a=b",
		"a=session=0; session=1": "1",
		";;;session=1":           "1",
		"session=; session=2":    "",
	} {
		assert.Equal(t, want, firstCookie(line), "%q", line)
	}
	assert.Equal(t, "1", firstCookie("a=0", "session=1"), "in the second header line")
}

func firstCookie(lines ...string) string {
	value, _, _ := cookieValue(lines, "session", 0)
	return value
}

// escapeCookie escapes as JavaScript's encodeURIComponent does.
func TestEscapeCookie(t *testing.T) {
	for token, want := range map[string]string{
		"":              "",
		"AZaz09-_":      "AZaz09-_",
		".!~*'()":       ".!~*'()",
		"a+b/c=d":       "a%2Bb%2Fc%3Dd",
		"s:a b":         "s%3Aa%20b",
		"\"\\;,":        "%22%5C%3B%2C",
		"\x00\r\n\x7f%": "%00%0D%0A%7F%25",
		"ä":             "%C3%A4",
	} {
		assert.Equal(t, want, escapeCookie(token), "%q", token)
	}
}

// A cookie value in the form of an ID is one that net/http finds too.
func FuzzCookieValue(f *testing.F) {
	f.Add("a=0; session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA; session=2")
	f.Add("session=\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"")
	f.Add("session = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA;")
	f.Fuzz(func(t *testing.T, line string) {
		ours := firstCookie(line)
		if len(ours) != idLen || !isURLBase64String(ours) {
			return
		}
		r := &http.Request{Header: http.Header{"Cookie": {line}}}
		for _, theirs := range r.CookiesNamed("session") {
			if theirs.Value == ours && !theirs.Quoted {
				return
			}
		}
		t.Errorf("cookieValue(%q) = %q: net/http finds no such session cookie", line, ours)
	})
}
