package holdfast

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/holdfast-go/holdfast/internal/record"
)

// Login makes this the session of a user. It gives the session a new ID and
// ends the old ID in one step, keeps the values, and restarts the absolute
// lifetime. Call it when the user's password, or another proof, has been
// checked. Then the user's sessions can be listed and ended together.
//
// If another user was logged in, Login drops the session's values and lifetime.
// It also drops those that this request has set, so set the new user's values
// after Login. If the session has ended, because the user pressed the button
// twice for example, Login begins a new session with the values that this
// request has set. It does the same if the record is damaged (ErrRecord), and
// removes the record. It drops values that codec.Sealed cannot open, since
// their key was lost.
//
// The error wraps ErrValue if userID is empty, ErrHeaderSent if the new cookie
// can no longer be sent, or ErrID; it may be an earlier error (see Err), or the
// store's. Then nobody is logged in.
func (s *Session) Login(userID string) error {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	if userID == "" {
		return fmt.Errorf("%w: the user ID is empty", ErrValue)
	}
	damaged := s.unread && errors.Is(s.err, ErrRecord)
	switch {
	case s.err != nil && !damaged:
		return s.err
	case s.headerSent():
		return ErrHeaderSent
	}
	login := []record.Change{record.SetUser(userID), record.SetCreated(s.manager.now())}
	old, before := s.key, s.user()
	other := before != "" && before != userID
	if other {
		login = append(login, record.ClearValues(), record.SetIdle(0), record.SetExpires(0))
	}
	if s.stored && !s.ended {
		id, key, err := s.otherID()
		if err == nil {
			err = s.moveTo(id, key, dropValues, login...)
		}
		if err == nil {
			user := s.record().User
			if other {
				s.noteEnd(ReasonLogin, old, []byte(before), user)
				s.note(note{kind: EventCreated, key: key, user: user})
			}
			s.note(note{kind: EventLoggedIn, key: key, previous: old, user: user})
		}
		if !errors.Is(err, ErrEnded) {
			return err
		}
	}
	return s.startOver(login...)
}

// protect uses the stored session a second time if it has a user. So the cache
// takes the user for one who came back, and a flood of strangers does not evict
// the session.
func (s *Session) protect() {
	if r := s.record(); len(r.User) > 0 && s.manager.cache != nil {
		s.manager.cache.Touch(s.key, s.manager.ttl(r, s.manager.now()))
	}
}

// UserID returns the logged-in user, or "".
func (s *Session) UserID() string {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	return s.user()
}

func (s *Session) user() string { return string(s.changes.ApplyHeader(s.record()).User) }

// EndAll ends all sessions of the logged-in user, this one too, and
// returns how many. Without a user it ends this session. The errors are those
// of EndOthers and Destroy.
func (s *Session) EndAll() (int, error) {
	n, err := s.EndOthers()
	if err != nil {
		return n, err
	}
	s.mu.Lock()
	defer s.unlock()
	ended, err := s.destroy()
	if ended {
		n++
	}
	return n, err
}

// EndOthers ends all other sessions of the logged-in user, and returns
// how many. Call it when a user changes the password, along with Regenerate.
// Without a user it does nothing. The error is one of Manager.EndUser, ErrEnded
// if this session has ended, or the error of reading it. Sessions that were
// ended before the error stay ended and are counted.
func (s *Session) EndOthers() (int, error) {
	ctx, call := s.manager.forWrite(s.request.Context())
	defer call.release()
	user, this, created, err := s.identity(ctx)
	if user == "" || err != nil {
		return 0, err
	}
	end := ending{ReasonEndOthers, s.request.Context(), &s.request, []byte(user)}
	return s.manager.endWhere(ctx, user, created, end, func(infos []SessionInfo) ([]SessionInfo, error) {
		here := slices.IndexFunc(infos, func(i SessionInfo) bool { return i.stored().key == this })
		if here < 0 {
			return nil, ErrEnded
		}
		return slices.Delete(infos, here, here+1), nil
	})
}

// identity returns the session's user and store key, and when it was created.
// The error is that of reading the session.
func (s *Session) identity(ctx context.Context) (user, key string, created record.Instant, err error) {
	s.mu.Lock()
	defer s.unlock()
	s.load()
	user = s.user()
	switch {
	case s.unread:
		return "", "", 0, s.err
	case s.ended:
		return "", "", 0, ErrEnded
	case user == "":
		return "", "", 0, nil
	}
	// A session that another request has ended must not end others.
	if _, lives, err := s.manager.readSession(ctx, s.key, ReadFresh); err != nil || !lives {
		return "", "", 0, cmp.Or(err, ErrEnded)
	}
	return user, s.key, s.changes.ApplyHeader(s.record()).Created, nil
}
