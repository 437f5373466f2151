package tier

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

// Set implements holdfast.Store.
func (s *Store) Set(ctx context.Context, id string, value []byte, ttl time.Duration) (err error) {
	if err := s.check(id, value, ttl); err != nil {
		return err
	}
	item := Item{Version: newVersion(), Value: value, TTL: s.withSlack(ttl)}
	s.leased(id, func() (Item, outcome) {
		err = s.call(ctx, func(ctx context.Context) error {
			return s.database.Set(ctx, id, item.Version, value, item.TTL)
		})
		return item, outcomeOf(err)
	})
	return err
}

func outcomeOf(err error) outcome {
	switch {
	case err == nil:
		return hasWritten
	case errors.Is(err, ErrRefused), errors.As(err, new(*unsent)):
		return nothing
	}
	return unknown
}

// After so many conflicts an Update waits before its next try.
const conflictsWithoutPause = 2

// Update implements holdfast.Store. With a local copy it takes one round trip:
// a Put or a Remove stores the decision, any other decision confirms the copy.
// Without one it reads first. Each conflict takes another round trip.
//
// If an Update's command fails, a second one asks whether the first was carried
// out. The error wraps ErrUnavailable if that stays unknown, as it does for the
// removal of an entry that is missing then.
func (s *Store) Update(ctx context.Context, id string, fn func(old []byte, found bool) (cache.Change, error)) error {
	if fn == nil {
		return fmt.Errorf("%w: the function passed to Update is nil", cache.ErrInvalid)
	}
	if err := checkID(id); err != nil {
		return err
	}
	base, fresh, err := s.base(ctx, id)
	for conflicts := 0; err == nil; {
		change, failed := fn(base.Value, base.Version != 0)
		value, ttl, stores := change.Stores()
		if stores && failed == nil {
			failed = s.check(id, value, ttl)
		}
		if failed != nil || !stores && (!change.Removes() || base.Version == 0) {
			if fresh {
				return failed
			}
			known := localCopy{version: base.Version}
			if base, err = s.fetch(ctx, id, known); base.Same {
				return failed
			}
			fresh = true
			continue
		}
		next := Item{}
		if stores {
			next = Item{Version: newVersion(), Value: value, TTL: s.withSlack(ttl)}
		}
		done := false
		if base, done, err = s.swap(ctx, id, base.Version, next); done || err != nil {
			return err
		}
		fresh = true
		s.counts.conflicts.Add(1)
		if conflicts++; conflicts > conflictsWithoutPause {
			err = pause(ctx, conflicts-conflictsWithoutPause)
		}
	}
	return err
}

// base returns the entry on which Update's function decides first, and whether
// it was read now. A copy that is out of date will do: Swap compares its
// version.
func (s *Store) base(ctx context.Context, id string) (base Item, fresh bool, err error) {
	if s.options.Mode != Direct {
		if c := s.copyUnder(id); c.version != 0 {
			return Item{Version: c.version, Value: c.value}, false, nil
		}
	}
	base, err = s.fetch(ctx, id, localCopy{})
	return base, true, err
}

// swap replaces the entry of the version old by next, or removes it. If it does
// neither, current is the entry. If the first attempt fails, it may have been
// carried out, so a second one asks, and its success is certain: whenever the
// first arrives, the entry never has the version old again. That does not hold
// for an entry that did not exist, so a creation is not repeated.
func (s *Store) swap(ctx context.Context, id string, old Version, next Item) (current Item, done bool, err error) {
	version, value := next.Version, next.Value
	switch {
	case version == 0: // a removal
		version, value = newVersion(), nil
	case value == nil:
		value = []byte{}
	}
	attempt := func() error {
		return s.call(ctx, func(ctx context.Context) (err error) {
			done, current, err = s.database.Swap(ctx, id, old, version, value, next.TTL)
			return err
		})
	}
	s.leased(id, func() (Item, outcome) {
		if err = attempt(); outcomeOf(err) == unknown && old != 0 && ctx.Err() == nil && attempt() == nil && done {
			err = nil
		}
		switch {
		case err != nil:
			done = false
			return Item{}, outcomeOf(err)
		case done:
			return next, hasWritten
		}
		return current, hasRead
	})
	return current, done, err
}

// pause waits before another try: longer after each conflict, and by chance.
func pause(ctx context.Context, conflicts int) error {
	timer := time.NewTimer(rand.N(time.Millisecond << min(conflicts, 5)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return givenUp(ctx)
	}
}
