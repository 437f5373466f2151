package holdfast

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/holdfast-go/holdfast/cache"
)

// To end a user's sessions, they are listed. A session that gets a new ID while
// they are listed may be missed: under the old ID it is gone, and where the new one
// is, the listing has been already. So before the listing a revocation is stored:
// the user's sessions that began until then are over. A request that gives a session
// a new ID stores it there, looks for a revocation, and only then removes the old one.
// If there is a revocation, the session ends. If there is none yet, the listing has not
// begun, and finds the session under its new ID.
//
// Only a session that moves is looked at, so a revocation is needed for no longer
// than a listing takes, and other requests cost nothing more.

// revokedFor is how long a revocation stays.
const revokedFor = 5 * replacedFor

// revocation is stored under a key of its own for each user. It differs from every
// record in its first byte.
//
//	'e', until 8 bytes, spared 8 bytes
type revocation struct {
	until  instant // sessions that began later are not revoked
	spared instant // nor is the one that began then; 0 for none
}

const revocationLen = 1 + 8 + 8

// revocationKey is where the user's revocation is stored. It is as long as the key
// of a session, and no session has it: that would have to be an ID's hash.
func (m *Manager) revocationKey(userID string) string {
	sum := sha256.Sum256(append(m.space[:], "holdfast: revoked\x00"+userID...))
	return string(sum[:])
}

func parseRevocation(raw []byte) (r revocation, ok bool) {
	if len(raw) != revocationLen || raw[0] != 'e' {
		return r, false
	}
	return revocation{instantIn(raw[1:]), instantIn(raw[9:])}, true
}

func (r revocation) encoded() []byte {
	raw := binary.LittleEndian.AppendUint64([]byte{'e'}, uint64(r.until))
	return binary.LittleEndian.AppendUint64(raw, uint64(r.spared))
}

func (r revocation) covers(began instant) bool {
	return began <= r.until && (r.spared == 0 || began != r.spared)
}

// revoke stores that the user's sessions are over, but for the one that began at
// spared. That one is not spared if an earlier revocation covers it.
func (m *Manager) revoke(userID string, spared instant) error {
	now := m.now()
	return m.store.Update(m.revocationKey(userID), func(old []byte, found bool) (cache.Change, error) {
		r := revocation{until: now, spared: spared}
		if before, ok := parseRevocation(old); found && ok {
			r.until = max(r.until, before.until)
			if before.covers(spared) {
				r.spared = 0
			}
		}
		return cache.Put(r.encoded(), revokedFor), nil
	})
}

// revoked reports whether the session that was stored as raw is over, since its
// user's sessions were ended.
func (s *Session) revoked(raw []byte) (bool, error) {
	moved, _ := viewRecord(raw)
	if len(moved.user) == 0 {
		return false, nil
	}
	stored, found, err := s.manager.peek(s.request.Context(), s.manager.revocationKey(string(moved.user)))
	if err != nil || !found {
		return false, err
	}
	r, ok := parseRevocation(stored)
	return ok && r.covers(moved.created), nil
}
