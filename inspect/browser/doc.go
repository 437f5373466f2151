// Package browser has only tests: they try the live page of package inspect in
// Chromium, and check it with axe-core. They skip without Chromium or npm,
// unless CI is set.
//
//	HOLDFAST_SHOTS=/tmp/shots go test ./inspect/browser    # keeps screenshots there
package browser
