package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

const (
	patience = 30 * time.Second
	wide     = 1280
	narrow   = 360
)

// axeVersion is the version of axe-core, which npm installs for the test.
const axeVersion = "4.14.1"

// need skips the test, or fails it if CI is set, since a program is missing.
func need(t *testing.T, err error, install string) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%v: apt-get install %s", err, install)
	}
	t.Skipf("%v: apt-get install %s", err, install)
}

// tab is a tab of Chromium. Its methods fail the test if the browser does.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string // errors in the log, such as violations of the policy
}

// open starts Chromium with one tab.
func open(t *testing.T) *tab {
	t.Helper()
	path, err := chromium()
	need(t, err, "chromium")
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.ExecPath(yielding(t, path)))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	b := &tab{t: t, ctx: ctx}
	require.NoError(t, chromedp.Listen(ctx, func(event any) {
		if e, ok := event.(*log.EventEntryAdded); ok && e.Entry.Level == log.EntryLevelError {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.complaints = append(b.complaints, e.Entry.Text)
		}
	}))
	return b
}

// yielding returns a program that runs path with the lowest priority. Chromium
// would keep tests beside it from answering in time.
func yielding(t *testing.T, path string) string {
	script := filepath.Join(t.TempDir(), "chromium")
	require.NoError(t, os.WriteFile(script, fmt.Appendf(nil, "#!/bin/sh\nexec nice -n 19 '%s' \"$@\"\n", path), 0o700))
	return script
}

func chromium() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("chromium is not installed")
}

// do runs the steps, within patience.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, steps...))
}

// as opens a page in a window of that width, in the colour scheme light or
// dark.
func (b *tab) as(width int64, scheme, url string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	require.NoError(b.t, err)
	b.do(chromedp.EmulateViewport(width, 900), chromedp.Navigate(url))
}

// scripts switches JavaScript on or off, for the next page.
func (b *tab) scripts(on bool) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
	require.NoError(b.t, err)
}

// text returns the visible text of an element.
func (b *tab) text(selector string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS(selector)))
	require.NoError(b.t, err)
	return text
}

// waits until the page is complete and an element has a text. An error is that
// of a page on its way.
func (b *tab) waits(selector, text string) {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		has, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](fmt.Sprintf(
			`document.readyState == "complete" && document.documentElement.scrollWidth > 0 && !!document.querySelector(%q)?.textContent.includes(%q)`,
			selector, text)))
		return err == nil && has
	}, patience, 20*time.Millisecond, "%s has no %q", selector, text)
}

// value returns the value of an expression of JavaScript.
func value[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err)
	return v
}

// shot keeps a screenshot of the whole page, for people to look at.
func (b *tab) shot(name string) {
	b.t.Helper()
	var png []byte
	require.Eventually(b.t, func() bool { // a page on its way has no width
		var err error
		png, err = chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
		return err == nil && len(png) > 0
	}, patience, 20*time.Millisecond)
	if dir := os.Getenv("HOLDFAST_SHOTS"); dir != "" {
		require.NoError(b.t, os.MkdirAll(dir, 0o755))
		require.NoError(b.t, os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644))
	}
}

// quiet fails the test if the browser has complained, about the content
// security policy for example.
func (b *tab) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(b.t, b.complaints)
}

// axe returns the source of axe-core. npm installs it into a folder that is
// removed with the test.
func axe(t *testing.T) string {
	t.Helper()
	npm, err := exec.LookPath("npm")
	need(t, err, "nodejs npm")
	dir := t.TempDir()
	install := exec.Command(npm, "install", "--prefix", dir, "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "axe-core@"+axeVersion)
	install.Dir = dir
	output, err := install.CombinedOutput()
	need(t, err, "nodejs npm, and let npm reach its registry: "+string(output))
	source, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	require.NoError(t, err)
	return string(source)
}

// accessible checks the open page with axe-core, given its source.
func (b *tab) accessible(source string) {
	b.t.Helper()
	value[any](b, source+"\n;0")
	require.Positive(b.t, value[int](b, `axe.run().then(r => r.passes.length)`), "axe checks something")
	found := value[string](b, `axe.run().then(r => JSON.stringify(r.violations
		.map(v => ({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map(n => n.html + " " + n.failureSummary)}))))`)
	var violations []struct {
		ID, Impact, Help string
		Nodes            []string
	}
	require.NoError(b.t, json.Unmarshal([]byte(found), &violations))
	for _, v := range violations {
		b.t.Errorf("axe: %s (%s): %s\n%s", v.ID, v.Impact, v.Help, strings.Join(v.Nodes, "\n"))
	}
}
