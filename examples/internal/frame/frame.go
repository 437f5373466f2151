// Package frame is what the pages of the examples have in common: their look,
// and how they are sent.
package frame

import (
	"bytes"
	_ "embed"
	"html/template"
	"log"
	"net/http"
)

//go:embed frame.html
var frameHTML string

// Page returns a page whose template begins with {{template "top" "its title"}}
// and ends with {{template "bottom"}}.
func Page(html string) *template.Template {
	frame := template.Must(template.New("frame").Parse(frameHTML))
	return template.Must(frame.New("page").Parse(html))
}

// Show sends a page. It is complete before its first byte leaves, so that an
// error in the template is no half page.
func Show(w http.ResponseWriter, status int, page *template.Template, data any) {
	var html bytes.Buffer
	if err := page.Execute(&html, data); err != nil {
		log.Print(err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(html.Bytes())
}
