package main

import (
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/holdfast-go/holdfast/examples/internal/frame"
)

// help answers with commands to paste, as a page for browsers and as text for
// other clients. It does not read the session.
func help(w http.ResponseWriter, r *http.Request) {
	commands := commands("http://" + r.Host + "/")
	w.Header().Add("Vary", "Accept")
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		frame.Show(w, http.StatusOK, helpPage, commands)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, commands)
}

// commands returns lines for a shell that call the API at url. The second line
// stores the token of the server's answer.
func commands(url string) string {
	return fmt.Sprintf(`%[2]s
TOKEN=$(%[2]s | tr -d '\r' | sed -n 's/^X-Session: //p')
curl -H "X-Session: $TOKEN" %[1]sme
curl -H "X-Session: $TOKEN" -X PUT %[1]scart/tea -d 2
curl -H "X-Session: $TOKEN" %[1]scart
curl -H "X-Session: $TOKEN" -X POST %[1]slogout
`, url, login(url))
}

func login(url string) string {
	return fmt.Sprintf(`curl -si %slogin -d '{"name": "%s", "password": "%s"}'`, url, demoUser, demoPassword)
}

//go:embed help.html
var helpHTML string

var helpPage = frame.Page(helpHTML)
