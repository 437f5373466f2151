package inspect

import (
	"context"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

// counted is the result of the latest visit to each session.
type counted struct {
	Done bool          `json:"done"` // false before the first count
	At   time.Time     `json:"at"`
	Took time.Duration `json:"took"`

	Sessions uint64 `json:"sessions"`  // of the Manager
	LoggedIn uint64 `json:"logged_in"` // of these, with a user
	Partial  bool   `json:"partial"`   // countTime or an error has ended the count

	Survey *cache.Survey `json:"survey,omitempty"` // nil with a database
}

// A count visits each session, so it takes a small part of the time. One that
// asks a database is rarer.
const (
	countEvery    = 10 * time.Second
	countEveryFar = time.Minute
	countShare    = 20
	countTime     = 10 * time.Second

	// firstCount bounds how long a page waits for the first count.
	firstCount = 300 * time.Millisecond
)

// count starts a count if the latest one is old. The caller has the lock.
func (p *Page) count(now time.Time) {
	every := countEvery
	if p.options.Store != nil {
		every = countEveryFar
	}
	c := &p.counted
	if p.counting || p.open.Err() != nil || c.Done && now.Sub(c.At) < max(every, countShare*c.Took) {
		return
	}
	p.counting = true
	p.tasks.Go(func() {
		next := p.visitAll()
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.counted.Done {
			close(p.countedOnce)
		}
		p.counted, p.counting = next, false
		p.frame.made = time.Time{} // it shows the count before
	})
}

// visitAll visits each session.
func (p *Page) visitAll() counted {
	c := counted{Done: true, At: time.Now()}
	if p.options.Cache != nil {
		survey := p.options.Cache.Survey()
		c.Survey = &survey
	}
	if p.options.Manager != nil {
		ctx, cancel := context.WithTimeout(p.open, countTime)
		defer cancel()
		for info, err := range p.options.Manager.All(ctx) {
			if err != nil || ctx.Err() != nil {
				c.Partial = true
				break
			}
			c.Sessions++
			if info.UserID != "" {
				c.LoggedIn++
			}
		}
	}
	c.Took = time.Since(c.At)
	return c
}

// waitForCount waits a moment for the first count, so that a page without its
// script has it.
func (p *Page) waitForCount() {
	_, _ = p.latest() // begins it
	select {
	case <-p.countedOnce:
	case <-time.After(firstCount):
	}
}
