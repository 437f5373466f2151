// Package frame has the common parts of the examples' pages: the style and the
// function that sends a page.
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

// Page parses the template of a page. It begins with {{template "top" "title"}}
// and ends with {{template "bottom"}}. Page panics if the template is invalid.
func Page(html string) *template.Template {
	frame := template.Must(template.New("frame").Parse(frameHTML))
	return template.Must(frame.New("page").Parse(html))
}

// Show executes the whole page before it sends the first byte, so that an error
// in the template does not send half a page.
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
