package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/testserver"
)

// The instances are this program, started again.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "-instance") || os.Getenv("CLUSTER_MAIN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

const patience = 20 * time.Second

// cluster is a server, three instances and the proxy.
type cluster struct {
	t      *testing.T
	server *testserver.Server
	all    *instances
	proxy  string // its URL
}

// each runs a test with each kind of server.
func each(t *testing.T, test func(t *testing.T, c *cluster)) {
	for _, kind := range []testserver.Kind{testserver.Redis, testserver.Valkey} {
		t.Run(string(kind), func(t *testing.T) {
			server := testserver.Run(t, kind, "appendonly yes", "appendfsync always")
			program, err := os.Executable()
			require.NoError(t, err)
			c := &cluster{t: t, server: server, all: newInstances(program, "-url", "redis://"+server.Addr(), "-timeout", "2s")}
			t.Cleanup(c.all.killAll)
			for _, name := range []string{"A", "B", "C"} {
				require.NoError(t, c.all.start(name))
			}
			proxy := httptest.NewServer(newProxy(c.all))
			t.Cleanup(proxy.Close)
			c.proxy = proxy.URL
			test(t, c)
		})
	}
}

// at returns the URL of an instance.
func (c *cluster) at(name string) string { return "http://" + c.all.byName[name].addr }

// browser has one cookie for all instances, as behind the proxy.
type browser struct {
	t *testing.T
	*http.Client
}

func (c *cluster) browser() *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(c.t, err)
	return &browser{c.t, &http.Client{Jar: jar, Timeout: patience}}
}

type answer struct {
	status   int
	instance string
	text     string
	header   http.Header
}

func (b *browser) do(method, address string, form url.Values) (answer, error) {
	request, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	require.NoError(b.t, err)
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := b.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header.Get("X-Instance"), string(text), response.Header}, err
}

func (b *browser) get(address string) answer {
	b.t.Helper()
	a, err := b.do(http.MethodGet, address, nil)
	require.NoError(b.t, err)
	return a
}

func (b *browser) post(address string, fields ...string) answer {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	a, err := b.do(http.MethodPost, address, form)
	require.NoError(b.t, err)
	return a
}

var visited = regexp.MustCompile(`You visited this page (\d+) times`)

// views returns the count that a page shows.
func (a answer) views() int {
	if match := visited.FindStringSubmatch(a.text); match != nil {
		n, _ := strconv.Atoi(match[1])
		return n
	}
	return 1
}

func (a answer) loggedIn(user string) bool {
	return strings.Contains(a.text, user+" is logged in here")
}

// Page views in parallel, over all instances, all count.
func TestViews_in_parallel(t *testing.T) {
	each(t, func(t *testing.T, c *cluster) {
		ada := c.browser()
		ada.get(c.proxy)
		const visitors, each = 8, 25
		var group sync.WaitGroup
		var seen sync.Map
		for range visitors {
			group.Go(func() {
				for range each {
					a := ada.get(c.proxy)
					assert.Equal(t, http.StatusOK, a.status)
					_, twice := seen.LoadOrStore(a.views(), true)
					assert.False(t, twice, "two requests have the same number")
				}
			})
		}
		group.Wait()
		assert.Equal(t, visitors*each+2, ada.get(c.proxy).views())
		for _, i := range c.all.list() {
			assert.Positive(t, i.Answers, "the proxy uses all instances")
		}
	})
}

// A client sees its own change on another instance at once or within MaxStale,
// and from a local copy once there is one.
func TestLook_from_local_copies(t *testing.T) {
	each(t, func(t *testing.T, c *cluster) {
		ada := c.browser()
		ada.get(c.at("A"))
		ada.get(c.at("A"))
		require.Equal(t, 2, ada.get(c.at("B")+"/?look").views())
		require.Eventually(t, func() bool {
			return strings.Contains(ada.get(c.at("B")+"/?look").text, "<strong>local copy</strong>")
		}, patience, 10*time.Millisecond)
		ada.get(c.at("A"))
		assert.Eventually(t, func() bool { return ada.get(c.at("B")+"/?look").views() == 3 }, patience, time.Millisecond)
	})
}

// A logout on one instance ends the session on all.
func TestLogin_here_logout_there(t *testing.T) {
	each(t, func(t *testing.T, c *cluster) {
		ada := c.browser()
		require.True(t, ada.post(c.at("A")+"/login", "name", "ada").loggedIn("ada"))
		stolen := c.browser()
		stolen.Jar = &fixedCookies{ada.Jar.Cookies(must(url.Parse(c.at("A"))))}
		for _, name := range []string{"A", "B", "C"} {
			require.True(t, stolen.get(c.at(name)+"/?look").loggedIn("ada"), name)
		}
		ada.post(c.at("B") + "/logout")
		for _, name := range []string{"A", "B", "C"} {
			assert.Eventually(t, func() bool { return !stolen.get(c.at(name) + "/?look").loggedIn("ada") }, patience, time.Millisecond, name)
			assert.False(t, ada.get(c.at(name)+"/?look").loggedIn("ada"), name)
		}
	})
}

// fixedCookies is a jar that keeps no new cookies, as a thief's.
type fixedCookies struct{ cookies []*http.Cookie }

func (*fixedCookies) SetCookies(*url.URL, []*http.Cookie) {}
func (f *fixedCookies) Cookies(*url.URL) []*http.Cookie   { return f.cookies }
func must[T any](value T, _ error) T                      { return value }

// Open streams on two instances end when a third one ends the session.
func TestEnded_across_instances(t *testing.T) {
	each(t, func(t *testing.T, c *cluster) {
		var delays []time.Duration
		for range 10 {
			ada := c.browser()
			ada.post(c.at("A")+"/login", "name", "ada")
			streams := []<-chan time.Time{c.listen(ada, "A"), c.listen(ada, "B")}
			began := time.Now()
			ada.post(c.at("C") + "/logout-all")
			for _, ended := range streams {
				select {
				case at := <-ended:
					delays = append(delays, at.Sub(began))
				case <-time.After(3 * time.Second): // less than the interval of polling
					t.Fatal("a stream was not told")
				}
			}
		}
		slices.Sort(delays)
		t.Logf("told after the logout began: median %v, longest %v", delays[len(delays)/2], delays[len(delays)-1])
	})
}

// listen opens the stream of an instance. The channel gets the time of the
// event that the session has ended.
func (c *cluster) listen(b *browser, name string) <-chan time.Time {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c.t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.at(name)+"/ended", nil)
	require.NoError(c.t, err)
	response, err := (&http.Client{Jar: b.Jar}).Do(request)
	require.NoError(c.t, err)
	require.Equal(c.t, http.StatusOK, response.StatusCode)
	ended, waiting := make(chan time.Time, 1), make(chan struct{})
	go func() {
		defer response.Body.Close()
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			switch lines.Text() {
			case "event: waiting":
				close(waiting)
			case "event: ended":
				ended <- time.Now()
				return
			}
		}
	}()
	<-waiting
	time.Sleep(20 * time.Millisecond) // Ended has read the session by then
	return ended
}

// Each browser is on another instance. One logs the others out.
func TestEndOthers_everywhere(t *testing.T) {
	each(t, func(t *testing.T, c *cluster) {
		names := []string{"A", "B", "C"}
		var browsers []*browser
		for _, name := range names {
			b := c.browser()
			b.post(c.at(name)+"/login", "name", "ada")
			browsers = append(browsers, b)
		}
		here := browsers[0].get(c.at("B") + "/?look")
		require.Equal(t, 3, strings.Count(here.text, "login on instance"), "the list has the logins of all instances")
		browsers[0].post(c.at("C") + "/logout-others")
		for _, name := range names {
			assert.True(t, browsers[0].get(c.at(name)+"/?look").loggedIn("ada"), name)
			for _, other := range browsers[1:] {
				assert.Eventually(t, func() bool { return !other.get(c.at(name) + "/?look").loggedIn("ada") }, patience, time.Millisecond, name)
			}
		}
	})
}

// An instance is killed and started again while visits go on. Only the requests
// that it was answering may fail.
func TestKill_an_instance(t *testing.T) {
	each(t, func(t *testing.T, c *cluster) {
		const visitors = 4
		var group sync.WaitGroup
		var stop atomic.Bool
		var succeeded, failed atomic.Int64
		ada := c.browser()
		ada.post(c.proxy+"/login", "name", "ada")
		for range visitors {
			group.Go(func() {
				for !stop.Load() {
					a, err := ada.do(http.MethodGet, c.proxy, nil)
					switch {
					case err != nil, a.status == http.StatusBadGateway: // cut in the body, or before
						failed.Add(1)
					case assert.Equal(t, http.StatusOK, a.status) && assert.True(t, a.loggedIn("ada"), "nobody is logged out"):
						succeeded.Add(1)
					}
				}
			})
		}
		for range 3 {
			time.Sleep(200 * time.Millisecond)
			c.all.kill("B")
			require.Eventually(t, func() bool { return !c.all.list()[1].Running }, patience, time.Millisecond)
			time.Sleep(200 * time.Millisecond)
			require.NoError(t, c.all.start("B"))
		}
		stop.Store(true)
		group.Wait()
		t.Logf("%d visits succeeded, %d were under way in an instance that was killed", succeeded.Load(), failed.Load())
		assert.LessOrEqual(t, failed.Load(), int64(3*visitors), "only requests under way may fail")
		views := int64(ada.get(c.proxy+"/?look").views()) - 1 // the redirect of the login was a visit
		assert.GreaterOrEqual(t, views, succeeded.Load(), "each visit that was answered counts")
		// The proxy's transport repeats a GET whose connection breaks, so a
		// visit that the killed instance has counted may count twice.
		assert.LessOrEqual(t, views, succeeded.Load()+3*visitors)
	})
}

// Sessions survive the end of all instances, and a restart of the server.
func TestKill_everything(t *testing.T) {
	each(t, func(t *testing.T, c *cluster) {
		ada := c.browser()
		ada.post(c.proxy+"/login", "name", "ada")
		c.all.killAll()
		require.Eventually(t, func() bool {
			return !slices.ContainsFunc(c.all.list(), func(i instance) bool { return i.Running })
		}, patience, time.Millisecond)
		assert.Equal(t, http.StatusBadGateway, ada.get(c.proxy).status)
		require.NoError(t, c.server.Kill())
		require.NoError(t, c.server.Restart())
		for _, name := range []string{"A", "B", "C"} {
			require.NoError(t, c.all.start(name))
		}
		assert.True(t, ada.get(c.proxy).loggedIn("ada"))
	})
}

// While the server is away, requests fail. Nobody becomes a stranger.
func TestServer_away(t *testing.T) {
	each(t, func(t *testing.T, c *cluster) {
		ada := c.browser()
		ada.post(c.proxy+"/login", "name", "ada")
		before := ada.Jar.Cookies(must(url.Parse(c.proxy)))
		require.NoError(t, c.server.Kill())
		assert.Eventually(t, func() bool {
			a := ada.get(c.proxy)
			return a.status == http.StatusServiceUnavailable && a.header.Get("Set-Cookie") == ""
		}, patience, 10*time.Millisecond)
		assert.Equal(t, before, ada.Jar.Cookies(must(url.Parse(c.proxy))))
		require.NoError(t, c.server.Restart())
		assert.Eventually(t, func() bool { return ada.get(c.proxy + "/?look").loggedIn("ada") }, patience, 10*time.Millisecond)
	})
}

// The program itself: its flags, its own server, its proxy, its end.
func TestMain_flags(t *testing.T) {
	program, err := os.Executable()
	require.NoError(t, err)
	run := func(args ...string) *exec.Cmd {
		c := exec.Command(program, args...)
		c.Env = append(os.Environ(), "CLUSTER_MAIN=1")
		return c
	}
	for name, args := range map[string][]string{
		`-mode is "never"`:               {"-mode", "never"},
		"session store is not available": {"-url", "redis://127.0.0.1:1", "-addr", "127.0.0.1:0"},
		"URL is not of the form":         {"-url", "http://:secret@localhost", "-addr", "127.0.0.1:0"},
	} {
		out, err := run(args...).CombinedOutput()
		assert.Error(t, err, name)
		assert.Contains(t, string(out), name)
		assert.NotContains(t, string(out), "secret")
	}

	testserver.Need(t, testserver.Valkey)
	c := run("-addr", "127.0.0.1:0")
	stderr, err := c.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	var address string
	lines := bufio.NewScanner(stderr)
	for address == "" && lines.Scan() {
		address = regexp.MustCompile(`http://\S+/`).FindString(lines.Text())
	}
	require.NotEmpty(t, address)
	go io.Copy(io.Discard, stderr)
	site := &cluster{t: t}
	ada, instances := site.browser(), map[string]bool{}
	for n := range 6 {
		a := ada.get(address)
		require.Equal(t, n+1, a.views())
		instances[a.instance] = true
	}
	assert.Len(t, instances, 3)
	ada.post(address + "instances/B/kill")
	assert.Contains(t, ada.get(address+"instances").text, `"name":"B"`)
	ada.post(address + "instances/B/start")
	assert.Equal(t, http.StatusOK, ada.get(address).status)
	require.NoError(t, c.Process.Signal(os.Interrupt))
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	select {
	case err := <-done:
		assert.NoError(t, err)
	case <-time.After(patience):
		c.Process.Kill()
		t.Fatal("the program does not stop")
	}
	_, err = http.Get(address)
	assert.Error(t, err, fmt.Sprint("nothing listens any more at ", address))
}
