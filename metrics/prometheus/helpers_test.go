package promholdfast_test

import (
	"context"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/metrics"
	promholdfast "github.com/holdfast-go/holdfast/metrics/prometheus"
	"github.com/holdfast-go/holdfast/tier"
)

// program is a server with sessions and metrics: one site keeps its sessions in
// a cache, and another one in a database.
type program struct {
	*httptest.Server // with the sites at /shop and /admin, and /metrics
	registry         *prometheus.Registry
	cache            *cache.Cache
}

// patient lets no command fail on a busy machine.
const patient = 30 * time.Second

func start(t testing.TB) *program {
	t.Helper()
	c, err := cache.New(cache.Options{MaxBytes: 4 << 20})
	require.NoError(t, err)
	p := &program{registry: prometheus.NewPedanticRegistry(), cache: c}
	store, err := tier.New(func(tier.Listener) (tier.Database, error) {
		return &database{entries: make(map[string]tier.Item)}, nil
	}, tier.Options{Timeout: patient, LocalBytes: 1 << 20})
	require.NoError(t, err)
	mux := http.NewServeMux()
	for name, o := range map[string]holdfast.Options{"shop": {Cache: c}, "admin": {Store: store}} {
		sessions, err := holdfast.New(o)
		require.NoError(t, err)
		mux.Handle("/"+name, sessions.Handler(site(sessions)))
		sources := metrics.Sources{Name: name, Manager: sessions, Cache: o.Cache}
		if o.Store != nil {
			sources.Store = store
		}
		p.registry.MustRegister(promholdfast.New(sources))
	}
	mux.Handle("/metrics", promhttp.HandlerFor(p.registry, promhttp.HandlerOpts{}))
	p.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		p.Close()
		require.NoError(t, store.Close())
		require.NoError(t, c.Close())
	})
	return p
}

// warm uses the cache until it has an estimate of the hit ratio at other caps.
func (p *program) warm(t testing.TB) {
	t.Helper()
	for round := range 100 {
		for i := range 20_000 {
			id := strconv.Itoa(i)
			if _, found := p.cache.Get(id); !found {
				require.NoError(t, p.cache.Set(id, []byte(id), time.Hour))
			}
		}
		if round > 1 && p.cache.Stats().Curve != ([5]cache.CurvePoint{}) {
			return
		}
	}
	t.Fatal("the cache has no estimate")
}

// scan begins a long operation of the cache.
func (p *program) scan() (end func()) {
	next, end := iter.Pull2(p.cache.All())
	next()
	return end
}

const user = "ada@example.org"

// site logs a user in, and out at the second request.
func site(sessions *holdfast.Manager) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := sessions.Session(r)
		if s.UserID() != "" {
			s.Destroy()
			return
		}
		s.Set("secret", "value-of-a-session")
		if err := s.Login(user); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
}

// visit logs a user in to both sites, and out. It returns the cookies.
func (p *program) visit(t testing.TB) (cookies []string) {
	t.Helper()
	for _, path := range []string{"/shop", "/admin"} {
		answer, err := http.Get(p.URL + path)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, http.StatusOK, answer.StatusCode)
		require.Len(t, answer.Cookies(), 1)
		again, err := http.NewRequest(http.MethodGet, p.URL+path, nil)
		require.NoError(t, err)
		again.AddCookie(answer.Cookies()[0])
		answer, err = http.DefaultClient.Do(again)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		cookies = append(cookies, again.Cookies()[0].Value)
	}
	return cookies
}

// scrape returns what Prometheus reads.
func (p *program) scrape(t testing.TB) string {
	t.Helper()
	return get(t, p.URL+"/metrics")
}

func get(t testing.TB, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode, string(text))
	return string(text)
}

// used returns the names of metrics in a PromQL expression. The suffixes of a
// histogram are removed.
func used(expr string) (names []string) {
	for _, name := range regexp.MustCompile(`holdfast_[a-z_]+`).FindAllString(expr, -1) {
		for _, suffix := range []string{"_bucket", "_count", "_sum"} {
			name = strings.TrimSuffix(name, suffix)
		}
		names = append(names, name)
	}
	return names
}

// byPrometheusName returns the metrics.
func byPrometheusName() map[string]*metrics.Metric {
	all := make(map[string]*metrics.Metric)
	for _, m := range metrics.All() {
		all[m.PrometheusName()] = m
	}
	return all
}

// requireLabels fails the test if an expression selects or groups by a label
// that its metrics do not have.
func requireLabels(t testing.TB, expr string) {
	t.Helper()
	known := []string{"name", "instance", "job", "le"}
	for _, name := range used(expr) {
		known = append(known, byPrometheusName()[name].Labels...)
	}
	for _, match := range regexp.MustCompile(`[{,]([a-z_]+) *(?:=|!)|(?:by|without|ignoring|on) \(([^)]*)\)`).FindAllStringSubmatch(expr, -1) {
		for _, label := range strings.Split(match[1]+match[2], ",") {
			require.Contains(t, known, strings.TrimSpace(label), expr)
		}
	}
}

// database is a tier.Database in this process.
type database struct {
	mu      sync.Mutex
	entries map[string]tier.Item
}

func (d *database) Read(_ context.Context, id string, known tier.Version) (tier.Item, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	item := d.entries[id]
	item.Same = known != 0 && item.Version == known
	return item, nil
}

func (d *database) Swap(_ context.Context, id string, old, next tier.Version, value []byte, ttl time.Duration) (bool, tier.Item, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	current := d.entries[id]
	switch {
	case current.Version != old:
		return false, current, nil
	case value == nil:
		delete(d.entries, id)
	default:
		d.entries[id] = tier.Item{Version: next, Value: append([]byte{}, value...), TTL: ttl}
	}
	return true, tier.Item{}, nil
}

func (d *database) Set(_ context.Context, id string, next tier.Version, value []byte, ttl time.Duration) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entries[id] = tier.Item{Version: next, Value: append([]byte{}, value...), TTL: ttl}
	return nil
}

func (d *database) Touch(_ context.Context, id string, _ tier.Version, ttl time.Duration, _ bool) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	item, found := d.entries[id]
	if ttl == 0 {
		delete(d.entries, id)
		return false, nil
	}
	if found {
		item.TTL = ttl
		d.entries[id] = item
	}
	return found, nil
}

func (d *database) Scan(context.Context, []byte, string) ([]tier.Entry, string, error) {
	return nil, "", nil
}

func (d *database) Pulse(context.Context) (tier.Pulse, error) {
	return tier.Pulse{Notifies: true}, nil
}
