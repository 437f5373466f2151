package ginplug

import (
	"errors"
	"fmt"

	"github.com/gin-contrib/sessions"
	gorillasessions "github.com/gorilla/sessions"
)

// Renew has the session get another ID when it is saved, as is right when a
// user logs in; its values stay. The session under the ID that the request came
// with has then ended.
//
// The error wraps errors.ErrUnsupported if session is not one of
// gin-contrib/sessions, but somebody's own Session.
func Renew(session sessions.Session) error {
	wrapper, ok := session.(interface {
		Session() *gorillasessions.Session
	})
	if !ok {
		return fmt.Errorf("ginplug: cannot renew a session of type %T: %w", session, errors.ErrUnsupported)
	}
	wrapper.Session().ID = ""
	session.Delete(unused{}) // makes Save write, though nothing may have changed
	return nil
}

// unused is a key that no session has.
type unused struct{}
