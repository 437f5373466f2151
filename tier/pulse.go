package tier

import (
	"context"
	"log/slog"
	"time"
)

// The Store asks the database for a sign of life, a pulse, three times in each
// MaxStale. The answer does three things:
//
//   - It proves that all notifications of earlier writes have arrived, so local
//     copies are current as of the time when the pulse was sent. Without proof
//     for MaxStale, the copies answer no read. This bounds their age even if
//     the network swallows everything, as the leases of Gray and Cheriton,
//     1989, do.
//   - It tells the database's time, which is the Store's.
//   - It ends the time in which commands fail at once because there was no
//     answer to the pulse before.

// pulses asks for a pulse until ctx ends.
func (s *Store) pulses(ctx context.Context) {
	defer close(s.ended)
	tick := time.NewTicker(s.options.MaxStale / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.pulse(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (s *Store) pulse(ctx context.Context) {
	var answer Pulse
	epoch, sent := s.epoch.Load(), s.now()
	err := s.attempt(ctx, func(ctx context.Context) (err error) {
		answer, err = s.database.Pulse(ctx)
		return err
	})
	if err != nil {
		if ctx.Err() == nil {
			s.setAway(err)
		}
		return
	}
	s.adoptTime(answer.Now, sent, s.now())
	if answer.Notifies {
		s.proof.Store(int64(sent))
	}
	if s.silent.Swap(!answer.Notifies) == answer.Notifies && s.options.Mode == Cached && !answer.Notifies {
		s.options.Logger.Warn("holdfast: the session store does not notify of changes: each request asks it once")
	}
	if s.away.Swap(false) {
		s.options.Logger.Info("holdfast: the session store answers again")
	}
	// What was lost with a connection can be asked for now.
	if s.asked.Swap(epoch) != epoch {
		s.watchers.notifyAll()
	}
}

// setAway lets commands fail at once until the next pulse.
func (s *Store) setAway(err error) {
	if !s.away.Swap(true) {
		s.options.Logger.LogAttrs(context.Background(), slog.LevelError, "holdfast: the session store does not answer", slog.Any("error", err))
	}
}

// proved reports whether the latest proof is younger than MaxStale.
func (s *Store) proved() bool {
	return s.age() < s.options.MaxStale
}

// age is how long ago the latest proof was sent, or the age of the Store if
// there was none.
func (s *Store) age() time.Duration { return time.Duration(s.now() - instant(s.proof.Load())) }

// The Store's clock follows the database's if they differ by more than this.
// Otherwise it runs evenly.
const clockTolerance = 100 * time.Millisecond

// adoptTime sets the Store's clock by an answer that the database gave between
// two instants.
func (s *Store) adoptTime(now time.Time, sent, received instant) {
	if now.IsZero() {
		return
	}
	offset := now.UnixNano() - int64(sent+(received-sent)/2)
	before := s.offset.Load()
	if difference := time.Duration(offset - before); before == 0 || difference.Abs() > clockTolerance {
		s.offset.Store(offset)
	}
}

// Now implements holdfast.Store. It is the database's time. Until the first
// pulse, it is this process's.
func (s *Store) Now() time.Time {
	if offset := s.offset.Load(); offset != 0 {
		return time.Unix(0, offset+int64(s.now()))
	}
	return time.Now()
}
