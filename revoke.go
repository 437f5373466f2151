package holdfast

import (
	"context"
	"crypto/sha256"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/internal/record"
)

// To end a user's sessions, the Manager lists them. The listing may miss a
// session that gets a new ID meanwhile: it may pass the new key before the
// session is there, and the old key after the session has left. So the Manager
// first stores a revocation: all sessions of the user that were created until
// now have ended. A request that moves a session stores it under the new key,
// then looks for a revocation, and only then removes the old key. If it finds a
// revocation, it ends the session. If it finds none, the listing has not begun
// yet, and will find the session under the new key.
//
// Only a request that moves a session looks for a revocation. So a revocation
// is needed only as long as a listing takes, and other requests cost nothing
// more.

// revocationTTL is assumed to be longer than a listing takes.
const revocationTTL = 5 * tombstoneTTL

// revocation is stored under a key of its own for each user.
//
//	'e', until 8 bytes, spared 8 bytes
type revocation struct {
	until  record.Instant // sessions created later are not revoked
	spared record.Instant // the session created then is not revoked; 0 for none
}

const revocationLen = 1 + 8 + 8

// revocationKey returns the key of the user's revocation. It is as long as the
// key of a session. No session has it, since its ID would have to hash
// to it.
func (m *Manager) revocationKey(userID string) string {
	sum := sha256.Sum256(append(m.namespace[:], "holdfast: revoked\x00"+userID...))
	return string(sum[:])
}

func parseRevocation(raw []byte) (r revocation, ok bool) {
	if len(raw) != revocationLen || raw[0] != 'e' {
		return r, false
	}
	return revocation{record.ReadInstant(raw[1:]), record.ReadInstant(raw[9:])}, true
}

func (r revocation) encode() []byte {
	return r.spared.AppendTo(r.until.AppendTo([]byte{'e'}))
}

func (r revocation) covers(created record.Instant) bool {
	return created <= r.until && (r.spared == 0 || created != r.spared)
}

// revoke stores that the user's sessions have ended, except the one created at
// spared; 0 spares none. A session that an earlier revocation covers is not
// spared: then the one that the earlier revocation spared stays.
func (m *Manager) revoke(ctx context.Context, userID string, spared record.Instant) error {
	now, key := m.now(), m.revocationKey(userID)
	m.markers.add(key)
	return m.update(ctx, key, func(old []byte, found bool) (cache.Change, error) {
		r := revocation{until: now, spared: spared}
		if before, ok := parseRevocation(old); found && ok {
			r.until = max(r.until, before.until)
			if spared != 0 && before.covers(spared) {
				r.spared = before.spared
			}
		}
		return cache.Put(r.encode(), revocationTTL), nil
	})
}

// reason returns why a session that r covers has ended.
func (r revocation) reason() Reason {
	if r.spared != 0 {
		return ReasonEndOthers
	}
	return ReasonEndUser
}

// revokedBy returns the user whose request ended a session of user, if the
// reason tells.
func revokedBy(why Reason, user []byte) []byte {
	if why == ReasonEndOthers {
		return user
	}
	return nil
}

// revoked returns the reason if the session that was stored as raw is revoked,
// and "" otherwise.
func (m *Manager) revoked(ctx context.Context, raw []byte) (Reason, error) {
	moved := record.View(raw)
	if len(moved.User) == 0 {
		return "", nil
	}
	stored, found, err := m.read(ctx, m.revocationKey(string(moved.User)), ReadFresh)
	if err != nil || !found {
		return "", err
	}
	if r, ok := parseRevocation(stored); ok && r.covers(moved.Created) {
		return r.reason(), nil
	}
	return "", nil
}
