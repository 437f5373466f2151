package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestBrowserOf(t *testing.T) {
	const webkit = "(KHTML, like Gecko)"
	for userAgent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                             "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 " + webkit + " Chrome/140.0.0.0 Safari/537.36":                         "Chrome on Windows",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 " + webkit + " Chrome/140.0.0.0 Mobile Safari/537.36":                         "Chrome on Android",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 " + webkit + " Chrome/140.0.0.0 Safari/537.36":                          "Chrome on ChromeOS",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 " + webkit + " Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0":           "Edge on Windows",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 " + webkit + " Chrome/140.0.0.0 Safari/537.36 OPR/120.0.0.0":                     "Opera on Linux",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 " + webkit + " SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36":     "Samsung Internet on Android",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 " + webkit + " Version/18.5 Safari/605.1.15":                   "Safari on macOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 " + webkit + " Version/18.5 Mobile/15E148 Safari/604.1": "Safari on iPhone",
		"Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 " + webkit + " CriOS/140.0 Mobile/15E148 Safari/604.1":           "Chrome on iPad",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 " + webkit + " FxiOS/140.0 Mobile/15E148 Safari/605.1":  "Firefox on iPhone",
		"curl/8.14.1":                "curl",
		"Go-http-client/1.1":         "Go-http-client/1.1",
		"Mailreader 3 (some device)": "Mailreader",
		strings.Repeat("long", 30):   "longlonglonglonglonglonglonglo",
		"\xff":                       "?",
		" ":                          "An unknown browser",
		"":                           "An unknown browser",
	} {
		assert.Equal(t, want, browserOf(userAgent), userAgent)
	}
}
