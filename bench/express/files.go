// Package express holds the page view counter as a Node program.
package express

import "embed"

// Files are the program, what it depends on, and the exact versions.
//
//go:embed app.js package.json package-lock.json
var Files embed.FS
