package tier

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// Mode is how a Store uses local copies. The zero value is Cached.
type Mode uint8

const (
	// Cached answers reads from local copies that are at most MaxStale old. A
	// healthy database notifies of changes within a millisecond or so. If it
	// does not notify, reads are as in Verified.
	Cached Mode = iota

	// Verified asks the database in each read whether the local copy is the
	// latest version. Reads are strict: they see every write that was completed
	// before.
	Verified

	// Direct keeps no values in this process. Each read fetches the value.
	Direct
)

func (m Mode) String() string {
	switch m {
	case Cached:
		return "cached"
	case Verified:
		return "verified"
	case Direct:
		return "direct"
	}
	return "unknown"
}

// Options configure a Store. The zero value suits most servers.
type Options struct {
	// Mode is how local copies are used.
	Mode Mode

	// MaxStale bounds the age of a local copy that answers a read in the mode
	// Cached, however the network fails. Three times in each MaxStale, and at
	// least once a second, the Store asks the database for a sign of life. 0
	// means a second. New refuses less than 10ms.
	MaxStale time.Duration

	// TouchEvery is how long a touch may wait: it is sent to the database only
	// when the entry would end too early there. So an entry may outlive its TTL
	// by up to TouchEvery, or a tenth of the TTL if that is less. It never ends
	// early. 0 means a minute. With a negative value each touch is sent, and
	// waited for.
	TouchEvery time.Duration

	// Timeout bounds each command. A read, a page of a scan and an Update try a
	// second time. If the database gives no sign of life within it, commands
	// fail at once until it does, with the reason of the latest failure. 0 means
	// 250ms.
	Timeout time.Duration

	// LocalBytes is the hard cap, in bytes, on the memory of the local copies.
	// 0 means 64 MiB.
	LocalBytes int64

	// MaxValue is the length in bytes of the largest value. A larger one is
	// refused with cache.ErrTooLarge. 0 means 1 MiB.
	MaxValue int

	// Logger gets one line when the database stops answering or refuses to, one
	// when it answers again, and one when it cannot notify. nil means
	// slog.Default.
	Logger *slog.Logger
}

const (
	defaultMaxStale   = time.Second
	minMaxStale       = 10 * time.Millisecond
	defaultTouchEvery = time.Minute
	defaultTimeout    = 250 * time.Millisecond
	defaultMaxValue   = 1 << 20
)

// ErrRefused is wrapped by the error of a Database that has answered, but will
// not carry out a command: it is full, for example. The command has changed
// nothing.
var ErrRefused = errors.New("tier: the database refuses the command")

// Store is a holdfast.Store on a shared Database, with local copies. Make one
// with New. It is safe for concurrent use. The zero Store cannot be used.
type Store struct {
	options  Options
	database timed
	local    *cache.Cache
	started  time.Time

	epoch  atomic.Uint64          // of the copies that notifications can still reach
	asked  atomic.Uint64          // the epoch of the latest pulse
	proof  atomic.Int64           // the instant when the latest pulse that proves something was sent
	offset atomic.Int64           // the database's Unix time in nanoseconds at instant 0; 0 if it is unknown
	away   atomic.Pointer[unsent] // the error of the latest pulse; nil if it was answered
	silent atomic.Bool            // the latest pulse said that the database does not notify

	leases   leases
	watchers watchers
	counts   counts

	open     context.Context // ends with Close
	end      context.CancelFunc
	starting sync.Mutex // guards running against Close
	running  sync.WaitGroup
}

var (
	_ holdfast.Store = (*Store)(nil)
	_ Listener       = (*Store)(nil)
)

// New returns a Store on a database. connect receives the Listener that the
// database has to notify, and returns the database. New asks it for a sign of
// life, but an error of that is not New's: a server may start before its
// database. The error wraps holdfast.ErrOptions, or is that of connect.
func New(connect func(Listener) (Database, error), o Options) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	local, err := cache.New(cache.Options{MaxBytes: o.LocalBytes})
	if err != nil {
		return nil, fmt.Errorf("%w: LocalBytes: %w", holdfast.ErrOptions, err)
	}
	s := &Store{options: o, local: local, started: time.Now()}
	s.open, s.end = context.WithCancel(context.Background())
	s.leases.seed = maphash.MakeSeed()
	s.epoch.Store(1)
	s.proof.Store(-int64(o.MaxStale))
	if s.database.Database, err = connect(s); err != nil {
		_ = s.Close()
		return nil, err
	}
	s.pulse()
	s.start(s.pulses)
	return s, nil
}

func (o Options) withDefaults() (Options, error) {
	orDefault(&o.MaxStale, defaultMaxStale)
	orDefault(&o.TouchEvery, defaultTouchEvery)
	orDefault(&o.Timeout, defaultTimeout)
	orDefault(&o.MaxValue, defaultMaxValue)
	o.TouchEvery = max(o.TouchEvery, 0)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	switch {
	case o.Mode > Direct:
		return o, fmt.Errorf("%w: Mode is %d; it must be Cached, Verified or Direct", holdfast.ErrOptions, o.Mode)
	case o.MaxStale < minMaxStale:
		return o, fmt.Errorf("%w: MaxStale is %v; it must be at least %v", holdfast.ErrOptions, o.MaxStale, minMaxStale)
	case o.Timeout < 0:
		return o, fmt.Errorf("%w: Timeout is %v; it must be positive", holdfast.ErrOptions, o.Timeout)
	case o.MaxValue < 0:
		return o, fmt.Errorf("%w: MaxValue is %d; it must be positive", holdfast.ErrOptions, o.MaxValue)
	}
	return o, nil
}

func orDefault[T comparable](option *T, value T) {
	var zero T
	if *option == zero {
		*option = value
	}
}

// Close waits for touches that are on their way, for Options.Timeout at most,
// and releases the local copies. Later calls return errors. The database stays
// open. Close returns nil, and may be called again.
func (s *Store) Close() error {
	s.starting.Lock()
	s.end()
	s.starting.Unlock()
	s.running.Wait()
	return s.local.Close()
}

func (s *Store) closed() bool { return s.open.Err() != nil }

// start runs f in a goroutine that Close waits for.
func (s *Store) start(f func()) {
	s.starting.Lock()
	defer s.starting.Unlock()
	if !s.closed() {
		s.running.Go(f)
	}
}

// call carries out one command within the Timeout. Its error wraps
// holdfast.ErrUnavailable, unless ctx has ended.
func (s *Store) call(ctx context.Context, command func(context.Context) error) error {
	if s.closed() {
		return errClosed
	}
	if away := s.away.Load(); away != nil {
		s.counts.unavailable.Add(1)
		return away
	}
	return s.attempt(ctx, command)
}

// attempt is call for a database that may be away.
func (s *Store) attempt(ctx context.Context, command func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	err := command(limited)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrRefused):
		s.counts.refused.Add(1)
		return fmt.Errorf("%w: %w", holdfast.ErrUnavailable, err)
	case ctx.Err() != nil:
		return givenUp(ctx)
	case limited.Err() != nil:
		err = fmt.Errorf("no answer within %v", s.options.Timeout)
	}
	s.counts.unavailable.Add(1)
	return fmt.Errorf("%w: %w", holdfast.ErrUnavailable, err)
}

// unsent is the error of a command that was not sent.
type unsent struct{ error }

func (u *unsent) Unwrap() error { return u.error }

var errClosed = &unsent{fmt.Errorf("%w: it is closed", holdfast.ErrUnavailable)}

// givenUp is the error of a command whose context has ended.
func givenUp(ctx context.Context) error {
	return fmt.Errorf("tier: the command was given up: %w", ctx.Err())
}

// check returns an error for arguments that no database can store.
func (s *Store) check(id string, value []byte, ttl time.Duration) error {
	switch {
	case ttl <= 0:
		return fmt.Errorf("%w: the TTL is %v; it must be positive", cache.ErrInvalid, ttl)
	case len(value) > s.options.MaxValue:
		return fmt.Errorf("%w: the value has %d bytes; tier.Options.MaxValue allows %d", cache.ErrTooLarge, len(value), s.options.MaxValue)
	}
	return checkID(id)
}

func checkID(id string) error {
	if id == "" || len(id) > cache.MaxIDLen {
		return fmt.Errorf("%w: the ID has %d bytes; it must have 1 to %d", cache.ErrInvalid, len(id), cache.MaxIDLen)
	}
	return nil
}

func newVersion() Version {
	for {
		if v := Version(rand.Uint64()); v != 0 {
			return v
		}
	}
}
