package ginplug

import (
	"errors"
	"fmt"

	"github.com/gin-contrib/sessions"
	gorillasessions "github.com/gorilla/sessions"
)

// Renew makes the next Save give the session another ID, which protects a login
// from session fixation. The values stay. That Save ends the session under the
// old ID. Renew is not safe for concurrent use on one session.
//
// The error wraps errors.ErrUnsupported if session is another implementation
// than that of gin-contrib/sessions.
func Renew(session sessions.Session) error {
	wrapper, ok := session.(interface {
		Session() *gorillasessions.Session
	})
	if !ok {
		return fmt.Errorf("ginplug: session not renewed: its type is %T, not that of gin-contrib/sessions: %w",
			session, errors.ErrUnsupported)
	}
	wrapper.Session().ID = ""
	session.Delete(unused{}) // without a change, Save would not write
	return nil
}

// unused is a key that no session contains.
type unused struct{}
