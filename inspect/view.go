package inspect

import (
	"bytes"
	"embed"
	"encoding/json"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"github.com/holdfast-go/holdfast/tier"
)

//go:embed assets
var assets embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"count": showCount, "bytes": showBytes, "span": showSpan, "percent": showPercent,
	"ago":    func(t time.Time) string { return showSpan(max(0, time.Since(t)).Truncate(time.Second)) + " ago" },
	"within": func(t time.Time) string { return "within " + showSpan(time.Until(t)) },
}).ParseFS(assets, "assets/*.html"))

// liveParts are the elements of the page that change. Each has a template of
// the same name. "verdict" is announced by screen readers.
var liveParts = []string{"verdict", "figures", "memory", "lookups", "lookups-table", "evictions", "evictions-table",
	"memory-line", "memory-table", "curve", "lifetimes", "sizes", "shards", "database", "events", "progress", "read-at"}

// view is the data of all parts.
type view struct {
	numbers
	Copies  bool   // the cache has local copies of the database's sessions
	Store   string // the database's name
	Verdict []sentence

	Counted    counted
	CountedAgo string // "" for now
	Users      bool   // there is a Manager

	Entries    uint64
	Once, Back uint64 // entries in probation, protected ones
	Each       int64  // bytes
	Used, Free int64  // bytes
	UsedShare  float64
	Returned   bool    // users who came back are among the next victims
	Found      float64 // share of the lookups in Window; NaN without any
	Evicted    uint64  // in Window
	Window     string  // the time of the history: "in the last 15 minutes"

	Kinds      []part
	MemoryLine chart
	Lookups    chart
	Evictions  chart
	Curve      []bar
	Lifetimes  []bar
	Sizes      []bar
	Shards     shards
	Holds      []hold
	Running    []operation
	Mode       string // of the database
	Commands   chart
	Events     []event
}

// event is a number of events: in Window, and since the Manager was made.
type event struct {
	Name          string
	Recent, Total uint64
}

// view prepares n for the templates. The caller has the lock.
func (p *Page) view(n numbers) view {
	f, all := p.facts(n), p.history.all()
	first, last := p.watched.first, n.point()
	if len(all) == points {
		first = all[0]
	}
	v := view{
		numbers: n, Copies: n.Database != nil, Store: p.options.StoreName,
		Verdict: verdict(f), Used: f.Used, Free: max(0, f.Cap-f.Used), UsedShare: float64(f.Used) / float64(max(1, f.Cap)),
		Returned: f.Returned, Evicted: f.Evicted, Window: inLast(f.Window),
		Found: share(last.hits-first.hits, last.misses-first.misses),
	}
	v.Once, v.Back = uint64(n.Cache.Probation.Entries), uint64(n.Cache.Protected.Entries)
	v.Entries, v.Each = uint64(n.Cache.Entries), f.Used/int64(max(1, n.Cache.Entries))
	v.Counted, v.Users = p.counted, p.options.Manager != nil
	if ago := n.Time.Sub(v.Counted.At); ago >= countEvery {
		v.CountedAgo = showSpan(ago.Truncate(countEvery))
	}
	if survey := v.Counted.Survey; survey != nil {
		v.surveyed(survey, n.Cache.MaxBytes)
	}
	v.Holds, v.Running = holds(n.Cache.LockHolds[:]), running(n.Cache.Running, n.Time)
	v.Kinds = stack(f.Cap,
		part{Name: "Values", Class: "k1", Bytes: n.Cache.Bytes.Values},
		part{Name: "IDs", Class: "k2", Bytes: n.Cache.Bytes.IDs},
		part{Name: "Headers of sessions", Class: "k3", Bytes: n.Cache.Bytes.Headers},
		part{Name: "Index", Class: "k4", Bytes: n.Cache.Bytes.Index},
		part{Name: "Fixed tables", Class: "k5", Bytes: n.Cache.Bytes.Fixed},
		part{Name: "Free", Class: "k0", Bytes: v.Free})
	for _, c := range f.Curve {
		b := newBar(showBytes(c.MaxBytes), c.HitRatio, showPercent(c.HitRatio))
		b.Current = c.MaxBytes == f.Cap
		v.Curve = append(v.Curve, b)
	}
	now, found, missing := n.Time.UnixMilli(), "Found", "Not found"
	if v.Copies {
		found, missing = "Answered here", "Asked "+p.options.StoreName
	}
	v.MemoryLine = newChart("memory", "Memory in use", all, now, float64(f.Cap),
		series{"In use", "l1", func(_, b *point) float64 { return float64(b.bytes) }, func(v float64) string { return showBytes(int64(v)) }})
	v.Lookups = newChart("lookups", "Lookups", all, now, 1,
		series{found, "l1", perSecond(func(p *point) uint64 { return p.hits }), showRate},
		series{missing, "l2", perSecond(func(p *point) uint64 { return p.misses }), showRate})
	v.Evictions = newChart("evictions", "Ends in the cache", all, now, 1,
		series{"Evicted for room", "l2", perSecond(func(p *point) uint64 { return p.evicted }), showRate},
		series{"Expired", "l1", perSecond(func(p *point) uint64 { return p.expired }), showRate})
	if n.Sessions != nil {
		for i, e := range eventRows {
			if e.rare && last.events[i] == 0 {
				continue
			}
			v.Events = append(v.Events, event{e.name, last.events[i] - first.events[i], last.events[i]})
		}
	}
	if n.Database != nil {
		v.Mode = map[tier.Mode]string{tier.Cached: "local copies", tier.Verified: "local copies, confirmed in each request", tier.Direct: "no local copies"}[n.Database.Mode]
		v.Commands = newChart("commands", "Time of a command", all, now, 0.001, series{"Time of a command", "l1", meanTime,
			func(v float64) string { return showSpan(time.Duration(v * float64(time.Second))) }})
	}
	return v
}

// meanTime returns the mean time of a command in seconds.
func meanTime(a, b *point) float64 {
	if b.dbRun <= a.dbRun {
		return 0
	}
	return (b.dbTime - a.dbTime).Seconds() / float64(b.dbRun-a.dbRun)
}

func share(part, rest uint64) float64 { return float64(part) / float64(part+rest) }

// render returns the parts. The caller has the lock.
func (p *Page) render(n numbers) map[string]string {
	v, parts := p.view(n), make(map[string]string, len(liveParts))
	var html bytes.Buffer
	for _, id := range liveParts {
		html.Reset()
		if err := pages.ExecuteTemplate(&html, id, v); err != nil {
			slog.Error("inspect: a part of the page cannot be made", "part", id, "error", err)
		}
		parts[id] = html.String()
	}
	return parts
}

// servePage serves the whole page, which also works without its script.
func (p *Page) servePage(w http.ResponseWriter, r *http.Request) {
	p.waitForCount()
	frame, _ := p.latest()
	parts := make(map[string]template.HTML, len(frame.parts))
	for id, html := range frame.parts {
		parts[id] = template.HTML(html) // made by a template
	}
	show(w, "page.html", struct {
		Parts    map[string]template.HTML
		Users    bool
		Database string
	}{parts, p.allowed(r), p.database()})
}

// database returns the name of the database, or "" without one.
func (p *Page) database() string {
	if p.options.Store == nil {
		return ""
	}
	return p.options.StoreName
}

// show executes the whole template before it sends the first byte.
func show(w http.ResponseWriter, name string, data any) {
	var html bytes.Buffer
	if err := pages.ExecuteTemplate(&html, name, data); err != nil {
		slog.Error("inspect: the page cannot be made", "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(html.Bytes())
}

// serveData serves the numbers and the verdict as JSON.
func (p *Page) serveData(w http.ResponseWriter) {
	n := p.read()
	data := struct {
		Verdict []sentence `json:"verdict"`
		numbers
		Counted counted `json:"counted"`
	}{numbers: n}
	p.mu.Lock()
	data.Verdict, data.Counted = verdict(p.facts(n)), p.counted
	p.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(data)
}
