package sqlstore_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	sqlstore "github.com/holdfast-go/holdfast/store/sql"
	"github.com/holdfast-go/holdfast/tier"
)

// A life is the history of one session: it logs in, changes, and logs out. The
// n-th step leaves the value n, the last one leaves none.
const lifeSteps = 4

// live takes a session through its steps. before and after are called for each.
func live(s *sqlstore.Store, id string, before, after func(step int)) error {
	for step := 1; step <= lifeSteps; step++ {
		before(step)
		err := s.Update(background, id, func(old []byte, found bool) (cache.Change, error) {
			if step == lifeSteps {
				return cache.Remove(), nil
			}
			return cache.Put(fmt.Append(nil, step), time.Hour), nil
		})
		if err != nil {
			return err
		}
		after(step)
		if step < lifeSteps {
			if _, err := s.Touch(background, id, 2*time.Hour); err != nil {
				return err
			}
		}
	}
	return nil
}

// lived reports whether a session is as it was after one of the steps from
// first to last.
func lived(t *testing.T, s *sqlstore.Store, id string, first, last int) bool {
	t.Helper()
	value, found, err := s.Get(background, id, holdfast.ReadFresh)
	require.NoError(t, err)
	if !found {
		return first == 0 || last == lifeSteps
	}
	step := 0
	_, err = fmt.Sscan(string(value), &step)
	require.NoError(t, err)
	return first <= step && step <= last
}

func init() { children["sessions"] = sessions }

// sessions lets sessions log in and out until the process is killed, and prints
// each step before and after it.
func sessions() {
	db, err := sql.Open(os.Getenv("SQLSTORE_DRIVER"), "file:"+os.Getenv("SQLSTORE_FILE"))
	if err != nil {
		panic(err)
	}
	s, err := sqlstore.New(db, sqlstore.SQLite, sqlstore.Options{Migrate: true})
	if err != nil {
		panic(err)
	}
	fmt.Println("open")
	for range 8 {
		go func() {
			for {
				id := fmt.Sprint(rand.Uint64())
				printed := func(what string) func(int) {
					return func(step int) { _, _ = os.Stdout.WriteString(fmt.Sprintln(what, id, step)) }
				}
				if err := live(s, id, printed("before"), printed("after")); err != nil {
					panic(err)
				}
			}
		}()
	}
	select {}
}

// A process that is killed loses no login and no logout that it has
// acknowledged, and leaves the file to the next one at once.
func TestSQLite_kill(t *testing.T) {
	t.Parallel()
	eachSQLite(t, func(t *testing.T, driver string) {
		file := file(t)
		for range 5 * long() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "SQLSTORE_CHILD=sessions", "SQLSTORE_DRIVER="+driver, "SQLSTORE_FILE="+file)
			cmd.Stderr = os.Stderr
			output, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			lines := bufio.NewScanner(output)
			require.True(t, lines.Scan())
			require.Equal(t, "open", lines.Text())
			for name, driver := range sqliteDrivers {
				_, err = sqlstore.New(openFile(t, driver, file), sqlstore.SQLite, sqlstore.Options{})
				require.ErrorIs(t, err, sqlstore.ErrInUse, name)
				require.ErrorContains(t, err, filepath.Base(file))
			}

			began, acknowledged := make(map[string]int), make(map[string]int)
			last := 200 + rand.IntN(1000)
			for n := 0; lines.Scan(); n++ {
				var what, id string
				var step int
				_, err := fmt.Sscan(lines.Text(), &what, &id, &step)
				require.NoError(t, err, lines.Text())
				if what == "before" {
					began[id] = step
				} else {
					acknowledged[id] = step
				}
				if n == last {
					require.NoError(t, cmd.Process.Kill())
				}
			}
			require.Error(t, cmd.Wait())

			s, err := sqlstore.New(openFile(t, driver, file), sqlstore.SQLite, sqlstore.Options{})
			require.NoError(t, err)
			for id, step := range began {
				require.True(t, lived(t, s, id, acknowledged[id], step), "step %d was acknowledged", acknowledged[id])
			}
			require.NoError(t, s.Close())
		}
	})
}

// lives lets workers log in and out until stop is called.
type lives struct {
	mu    sync.Mutex
	began map[string]int
	acked map[string]int
	quit  atomic.Bool
	group sync.WaitGroup
}

func startLives(t *testing.T, s *sqlstore.Store, workers int) *lives {
	l := &lives{began: make(map[string]int), acked: make(map[string]int)}
	for range workers {
		l.group.Go(func() {
			for !l.quit.Load() {
				id := fmt.Sprint(rand.Uint64())
				set := func(steps map[string]int) func(int) {
					return func(step int) {
						l.mu.Lock()
						defer l.mu.Unlock()
						steps[id] = step
					}
				}
				if err := live(s, id, set(l.began), set(l.acked)); err != nil {
					t.Errorf("live: %v", err)
					return
				}
			}
		})
	}
	return l
}

func (l *lives) stop() {
	l.quit.Store(true)
	l.group.Wait()
}

func (l *lives) acknowledged() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	copied := make(map[string]int, len(l.acked))
	for id, step := range l.acked {
		copied[id] = step
	}
	return copied
}

// lost returns how many sessions a power failure at this time has lost or
// brought back. If it has damaged the file, all are lost.
func (l *lives) lost(t *testing.T, d *disk, file string) (lost, all int) {
	acked := l.acknowledged()
	after := d.fail(t, file)
	l.mu.Lock()
	began := make(map[string]int, len(l.began))
	for id, step := range l.began {
		began[id] = step
	}
	l.mu.Unlock()

	db := openFile(t, "sqlite", after)
	s, err := sqlstore.New(db, sqlstore.SQLite, sqlstore.Options{})
	if err != nil {
		return len(acked), len(acked)
	}
	defer s.Close()
	var damage string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&damage); err != nil || damage != "ok" {
		return len(acked), len(acked)
	}
	for id, step := range acked {
		if !lived(t, s, id, step, began[id]) {
			lost++
		}
	}
	return lost, len(acked)
}

// A power failure loses no login and no logout that was acknowledged. Touches,
// which do not wait for the disk, leave the file whole. On a disk that does not
// store what it says it has, the test finds losses.
func TestSQLite_power_failure(t *testing.T) {
	t.Parallel()
	file, d := file(t), newDisk(t)
	s := open(t, d.open(t, file), sqlstore.SQLite, sqlstore.Options{PurgeEvery: 5 * time.Millisecond})
	l := startLives(t, s, 8)
	defer l.stop()
	sessions := 0
	for range 20 * long() {
		before := len(l.acknowledged())
		soon(t, func() bool { return len(l.acknowledged()) > before+5 })
		lost, all := l.lost(t, d, file)
		require.Zero(t, lost)
		sessions = all
	}
	t.Logf("%d sessions, %d syncs", sessions, d.syncs.Load())
	d.lies.Store(true)
	soon(t, func() bool { return len(l.acknowledged()) > sessions+50 })
	lost := 0
	for range 20 {
		n, _ := l.lost(t, d, file)
		lost += n
	}
	require.NotZero(t, lost)
}

// A change waits for the disk, and a touch does not.
func TestSQLite_syncs(t *testing.T) {
	d := newDisk(t)
	s := open(t, d.open(t, file(t)), sqlstore.SQLite, sqlstore.Options{PurgeEvery: -1, Tier: tier.Options{MaxStale: time.Hour}})
	db := s.Database()
	syncs := func(f func() error) int64 {
		t.Helper()
		before := d.syncs.Load()
		require.NoError(t, f())
		return d.syncs.Load() - before
	}
	touch := func(ttl time.Duration, extend bool) func() error {
		return func() error {
			found, err := db.Touch(background, "a", 0, ttl, extend)
			require.Equal(t, ttl > 0, found)
			return err
		}
	}
	require.EqualValues(t, 1, syncs(func() error { return db.Set(background, "a", 1, []byte("1"), time.Hour) }))
	require.EqualValues(t, 0, syncs(touch(2*time.Hour, true)))
	require.EqualValues(t, 1, syncs(touch(time.Minute, false)), "a TTL that becomes shorter")
	require.EqualValues(t, 1, syncs(func() error {
		swapped, _, err := db.Swap(background, "a", 1, 2, []byte("2"), time.Hour)
		require.True(t, swapped)
		return err
	}))
	require.EqualValues(t, 0, syncs(touch(2*time.Hour, true)))
	require.EqualValues(t, 0, syncs(func() error { _, err := db.Pulse(background); return err }))
	require.EqualValues(t, 1, syncs(touch(0, false)), "an end")
}

// While the disk works, reads go on, writes wait for one common commit, and a
// caller may give up.
func TestSQLite_slow_disk(t *testing.T) {
	d := newDisk(t)
	s := open(t, d.open(t, file(t)), sqlstore.SQLite, sqlstore.Options{PurgeEvery: -1})
	require.NoError(t, s.Set(background, "a", []byte("1"), time.Hour))
	d.gate.Lock()
	before := d.syncs.Load()
	const writers = 50
	var group sync.WaitGroup
	var started sync.WaitGroup
	for i := range writers {
		started.Add(1)
		group.Go(func() {
			started.Done()
			if err := s.Set(background, fmt.Sprint(i), []byte("2"), time.Hour); err != nil {
				t.Errorf("Set: %v", err)
			}
		})
	}
	started.Wait()
	ctx, cancel := context.WithTimeout(background, 50*time.Millisecond)
	defer cancel()
	value := []byte("given up")
	_, _, err := s.Database().Swap(ctx, "b", 0, 1, value, time.Hour)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	copy(value, "changed!")
	for range 100 {
		value, found, err := s.Get(background, "a", holdfast.ReadFresh)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, "1", string(value))
	}
	d.gate.Unlock()
	group.Wait()
	commits := d.syncs.Load() - before
	t.Logf("%d commits of %d writes", commits, writers)
	require.Less(t, commits, int64(writers/2))
	stored, found, err := s.Get(background, "b", holdfast.ReadFresh)
	require.NoError(t, err)
	if found {
		require.Equal(t, "given up", string(stored))
	}
}

// A caller gives up a write that the disk has begun. A read makes a local copy
// of the old value. When the write ends, that copy ends too.
func TestSQLite_late_write(t *testing.T) {
	d := newDisk(t)
	s := open(t, d.open(t, file(t)), sqlstore.SQLite, sqlstore.Options{PurgeEvery: -1, Tier: tier.Options{MaxStale: time.Hour}})
	require.NoError(t, s.Set(background, "a", []byte("1"), time.Hour))
	d.gate.Lock()
	syncs := d.waiting.Load()
	ctx, cancel := context.WithCancel(background)
	done := make(chan error)
	go func() {
		done <- s.Update(ctx, "a", func([]byte, bool) (cache.Change, error) { return cache.Put([]byte("2"), time.Hour), nil })
	}()
	soon(t, func() bool { return d.waiting.Load() > syncs })
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	for range 2 {
		value, _, err := s.Get(background, "a", holdfast.ReadUse)
		require.NoError(t, err)
		require.Equal(t, "1", string(value))
	}
	require.NotZero(t, s.Stats().Hits, "there is a local copy")
	d.gate.Unlock()
	soon(t, func() bool {
		value, _, err := s.Get(background, "a", holdfast.ReadUse)
		return err == nil && string(value) == "2"
	})
	require.Zero(t, s.Stats().Mismatches, "the copy ended by chance")
}

func TestSQLite_in_use(t *testing.T) {
	eachSQLite(t, func(t *testing.T, driver string) {
		file := file(t)
		s := open(t, openFile(t, driver, file), sqlstore.SQLite, sqlstore.Options{})
		link := filepath.Join(t.TempDir(), "link.db")
		require.NoError(t, os.Symlink(file, link))
		for _, other := range []string{file, link} {
			_, err := sqlstore.New(openFile(t, driver, other), sqlstore.SQLite, sqlstore.Options{Table: "another"})
			require.ErrorIs(t, err, sqlstore.ErrInUse)
		}
		require.NoError(t, s.Set(background, "a", []byte("1"), time.Hour))
		require.NoError(t, s.Close())
		require.NoError(t, s.Close(), "twice")
		_, _, err := s.Get(background, "a", holdfast.ReadUse)
		require.ErrorIs(t, err, holdfast.ErrUnavailable)
		_, err = s.Database().Read(background, "a", 0)
		require.Error(t, err)
		require.Error(t, s.Database().Set(background, "a", 1, nil, time.Hour))

		s = open(t, openFile(t, driver, file), sqlstore.SQLite, sqlstore.Options{})
		_, found, err := s.Get(background, "a", holdfast.ReadUse)
		require.NoError(t, err)
		require.True(t, found)
	})
}

// The settings of the Store do not stay with the connections of the *sql.DB.
func TestSQLite_connections(t *testing.T) {
	eachSQLite(t, func(t *testing.T, driver string) {
		db := openFile(t, driver, file(t))
		db.SetMaxOpenConns(5)
		_, err := sqlstore.New(db, sqlstore.SQLite, sqlstore.Options{Migrate: true})
		require.ErrorIs(t, err, holdfast.ErrOptions)
		require.ErrorContains(t, err, "SetMaxOpenConns")
		for _, limit := range []int{6, 7, 0} {
			db.SetMaxOpenConns(limit)
			s := open(t, db, sqlstore.SQLite, sqlstore.Options{})
			require.NoError(t, s.Set(background, "a", []byte("1"), time.Hour))
			require.LessOrEqual(t, db.Stats().InUse, 6)
			require.NoError(t, s.Close())
			require.Zero(t, db.Stats().InUse)
			for range 6 {
				_, err := db.Exec("DELETE FROM holdfast_sessions")
				require.NoError(t, err)
			}
		}
	})
}

func TestSQLite_refused(t *testing.T) {
	eachSQLite(t, func(t *testing.T, driver string) {
		for _, name := range []string{":memory:", "file::memory:"} {
			db, err := sql.Open(driver, name)
			require.NoError(t, err)
			defer db.Close()
			_, err = sqlstore.New(db, sqlstore.SQLite, sqlstore.Options{Migrate: true})
			require.ErrorIs(t, err, holdfast.ErrOptions)
			require.ErrorContains(t, err, "memory")
		}
		_, err := sqlstore.New(openFile(t, driver, file(t)), sqlstore.SQLite, sqlstore.Options{})
		require.ErrorIs(t, err, tier.ErrRefused)
		require.ErrorContains(t, err, "Options.Migrate")
		_, err = sqlstore.New(openFile(t, driver, filepath.Join(t.TempDir(), "none", "a.db")), sqlstore.SQLite, sqlstore.Options{})
		require.ErrorIs(t, err, holdfast.ErrUnavailable)
		text := file(t)
		require.NoError(t, os.WriteFile(text, []byte(strings.Repeat("no database ", 1000)), 0o600))
		_, err = sqlstore.New(openFile(t, driver, text), sqlstore.SQLite, sqlstore.Options{})
		require.ErrorIs(t, err, holdfast.ErrUnavailable)
		require.ErrorContains(t, err, "no database")
	})
}

// A full disk refuses writes. What is stored can be read and removed, and then
// there is room again.
func TestSQLite_full(t *testing.T) {
	eachSQLite(t, func(t *testing.T, driver string) {
		s := open(t, openFile(t, driver, file(t)+"?_pragma=max_page_count(50)"), sqlstore.SQLite, sqlstore.Options{})
		value, n := make([]byte, 3000), 0
		var err error
		for ; err == nil; n++ {
			require.Less(t, n, 100)
			err = s.Set(background, fmt.Sprint(n), value, time.Hour)
		}
		require.ErrorIs(t, err, tier.ErrRefused)
		require.ErrorIs(t, err, holdfast.ErrUnavailable)
		require.NotZero(t, s.Stats().Refused)
		_, found, err := s.Get(background, "0", holdfast.ReadFresh)
		require.NoError(t, err)
		require.True(t, found)
		_, found, err = s.Get(background, fmt.Sprint(n-1), holdfast.ReadFresh)
		require.NoError(t, err)
		require.False(t, found)
		for i := range 5 {
			require.NoError(t, remove(s, fmt.Sprint(i)))
		}
		require.NoError(t, s.Set(background, "a", value, time.Hour))
	})
}

// A person changes the file with a tool. The Store waits for the lock, and its
// local copies follow within MaxStale.
func TestSQLite_tools(t *testing.T) {
	eachSQLite(t, func(t *testing.T, driver string) {
		db := openFile(t, driver, file(t))
		s := open(t, db, sqlstore.SQLite, sqlstore.Options{Tier: tier.Options{MaxStale: 50 * time.Millisecond}})
		require.NoError(t, s.Set(background, "a", []byte("1"), time.Hour))
		calls := watched(t, s, "a")
		tool, err := db.Conn(background)
		require.NoError(t, err)
		defer tool.Close()
		_, err = tool.ExecContext(background, "BEGIN IMMEDIATE")
		require.NoError(t, err)
		_, err = tool.ExecContext(background, "DELETE FROM holdfast_sessions")
		require.NoError(t, err)
		done := make(chan error)
		go func() { done <- s.Set(background, "b", []byte("1"), time.Hour) }()
		_, found, err := s.Get(background, "a", holdfast.ReadFresh)
		require.NoError(t, err)
		require.True(t, found)
		select {
		case err := <-done:
			require.NoError(t, err)
			require.Fail(t, "a write has overtaken the tool's")
		case <-time.After(100 * time.Millisecond):
		}
		_, err = tool.ExecContext(background, "COMMIT")
		require.NoError(t, err)
		require.NoError(t, <-done)
		soon(t, func() bool {
			_, found, err := s.Get(background, "a", holdfast.ReadUse)
			return err == nil && !found
		})
		soon(t, func() bool { return calls.Load() > 0 })
		soon(t, func() bool { return s.Stats().Lost > 0 })
		lost := s.Stats().Lost

		// Writes of the Store end no copies.
		for i := range 20 {
			require.NoError(t, s.Set(background, fmt.Sprint(i), []byte("1"), time.Hour))
			_, err := s.Database().Pulse(background)
			require.NoError(t, err)
		}
		require.Equal(t, lost, s.Stats().Lost)
	})
}

func TestSQLite_purge(t *testing.T) {
	eachSQLite(t, func(t *testing.T, driver string) {
		db := openFile(t, driver, file(t))
		s := open(t, db, sqlstore.SQLite, sqlstore.Options{PurgeEvery: -1})
		for i := range 50 {
			require.NoError(t, s.Set(background, fmt.Sprint(i), []byte("1"), time.Millisecond))
		}
		require.NoError(t, s.Set(background, "live", []byte("1"), time.Hour))
		require.NoError(t, s.Set(background, "for ever", []byte("1"), cache.NoExpiry))
		time.Sleep(5 * time.Millisecond)
		for _, want := range []int{20, 20, 10, 0} {
			n, err := s.Purge(20)
			require.NoError(t, err)
			require.Equal(t, want, n)
		}
		require.Equal(t, 2, stat(t, db, "SELECT count(*) FROM holdfast_sessions"))
		require.NoError(t, s.Close())

		s = open(t, db, sqlstore.SQLite, sqlstore.Options{PurgeEvery: time.Millisecond, PurgeBatch: 3})
		for i := range 10 {
			require.NoError(t, s.Set(background, fmt.Sprint(i), []byte("1"), time.Millisecond))
		}
		soon(t, func() bool { return stat(t, db, "SELECT count(*) FROM holdfast_sessions") == 2 })
		soon(t, func() bool { return s.Stats().Purged == 10 })
		require.Zero(t, s.Stats().PurgeErrors)
		require.NotZero(t, s.Stats().OwnWrites, "the rest is the tier's")

		// A connection of the test does not wait for the lock of a purge.
		soon(t, func() bool { _, err := db.Exec("DROP TABLE holdfast_sessions"); return err == nil })
		soon(t, func() bool { return s.Stats().PurgeErrors > 0 })
	})
}
