package tier

import (
	"context"
	"log/slog"
	"time"
)

// The Store asks the database for a sign of life, a pulse, three times in each
// MaxStale, and at least once a second. The answer does three things:
//
//   - It proves that all notifications of earlier writes have arrived, so local
//     copies are current as of the time when the pulse was sent. Without proof
//     for MaxStale, the copies answer no read. This bounds their age even if
//     the network swallows everything, as the leases of Gray and Cheriton,
//     1989, do.
//   - It tells the database's time, which is the Store's.
//   - It ends the time in which commands fail at once because there was no
//     answer to the pulse before.

func (s *Store) pulseInterval() time.Duration { return min(s.options.MaxStale/3, time.Second) }

// pulses keeps asking until the Store is closed.
func (s *Store) pulses() {
	tick := time.NewTicker(s.pulseInterval())
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.pulse()
		case <-s.open.Done():
			return
		}
	}
}

func (s *Store) pulse() {
	var answer Pulse
	var epoch uint64
	var sent instant
	var err error
	for range 2 { // the second time over a new connection, if the first was lost
		epoch, sent = s.epoch.Load(), s.now()
		err = s.attempt(s.open, func(ctx context.Context) (err error) {
			answer, err = s.database.Pulse(ctx)
			return err
		})
		if err == nil || s.now()-sent >= instant(s.options.Timeout) {
			break
		}
	}
	if err != nil {
		if !s.closed() && s.away.Swap(&unsent{err}) == nil {
			s.options.Logger.LogAttrs(s.open, slog.LevelError, "holdfast: the session store is not available", slog.Any("error", err))
		}
		return
	}
	s.adoptTime(answer.Now, sent, s.now())
	if answer.Notifies {
		s.proof.Store(int64(sent))
	}
	if isNew := s.silent.Swap(!answer.Notifies) == answer.Notifies; isNew && !answer.Notifies && s.options.Mode == Cached {
		reason := "unknown"
		if answer.Reason != nil {
			reason = answer.Reason.Error()
		}
		s.options.Logger.Warn("holdfast: the session store does not notify of changes: each request asks it once", "reason", reason)
	}
	if s.away.Swap(nil) != nil {
		s.options.Logger.Info("holdfast: the session store is available again")
	}
	// The watched entries of a lost connection can be read again.
	if s.asked.Swap(epoch) != epoch {
		s.watchers.notifyAll()
	}
}

// proofAge is how long ago the latest proof was sent. Before the first one it
// is at least MaxStale.
func (s *Store) proofAge() time.Duration { return time.Duration(s.now() - instant(s.proof.Load())) }

// The Store's clock follows the database's if they differ by more than this.
// Otherwise it runs evenly.
const clockTolerance = 100 * time.Millisecond

// adoptTime sets the Store's clock by an answer. The database read its clock
// between the two instants.
func (s *Store) adoptTime(now time.Time, sent, received instant) {
	if now.IsZero() {
		return
	}
	latest, earliest := now.UnixNano()-int64(sent), now.UnixNano()-int64(received)
	before, tolerance := s.offset.Load(), int64(clockTolerance)
	if before != 0 && earliest-tolerance <= before && before <= latest+tolerance {
		return
	}
	s.offset.Store(earliest + (latest-earliest)/2)
	if before != 0 {
		// Either clock has jumped, so entries end at other times than their
		// copies.
		s.epoch.Add(1)
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
