package main

import (
	"fmt"
	"net"
	"net/http"
	"strings"
)

// device helps a user to recognise one of their sessions. Behind a proxy, take
// the address from a header that the proxy sets.
type device struct {
	Address string
	Browser string
}

func deviceOf(r *http.Request) device {
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	return device{Address: address, Browser: browserOf(r.UserAgent())}
}

// browserOf returns a short name for a User-Agent, such as "Firefox on Linux".
// It returns the first word of a User-Agent that it does not know.
func browserOf(userAgent string) string {
	browser, system := nameIn(userAgent, browsers), nameIn(userAgent, systems)
	if browser != "" && system != "" {
		return browser + " on " + system
	}
	if browser != "" {
		return browser
	}
	words := strings.Fields(strings.ToValidUTF8(userAgent, "?"))
	if len(words) == 0 {
		return "An unknown browser"
	}
	return fmt.Sprintf("%.30s", words[0])
}

// A User-Agent contains the marks of other browsers and systems too: Edge's
// contains Chrome and Safari, Android's contains Linux. The first mark in the
// list wins.
var (
	browsers = []named{
		{"curl/", "curl"},
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		{"Chrome/", "Chrome"}, {"CriOS/", "Chrome"}, {"Safari/", "Safari"},
	}
	systems = []named{
		{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"},
		{"Windows", "Windows"}, {"CrOS", "ChromeOS"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"},
	}
)

type named struct{ mark, name string }

// nameIn returns the name of the first mark in userAgent, or "".
func nameIn(userAgent string, marks []named) string {
	for _, m := range marks {
		if strings.Contains(userAgent, m.mark) {
			return m.name
		}
	}
	return ""
}
