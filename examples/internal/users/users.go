// Package users is what the examples know of their users: names and passwords,
// kept as a server should keep them.
package users

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"sync"
)

const saltLen = 16

// Iterations makes guessing the password of a stolen hash expensive. It is what
// OWASP recommends for PBKDF2 with SHA-256.
const Iterations = 600_000

// Users are the users and their passwords, safe for concurrent use. A real
// server keeps them in a database, and limits how often one may guess.
type Users struct {
	iterations int
	nobody     hash // so that an unknown name takes as long as a wrong password

	mu     sync.RWMutex
	hashes map[string]hash
}

type hash struct{ salt, sum []byte }

// New returns Users without anyone. The tests hash with fewer iterations than
// Iterations, to be quick.
func New(iterations int) *Users {
	return &Users{
		iterations: iterations,
		nobody:     hash{salt: random(saltLen), sum: random(sha256.Size)},
		hashes:     make(map[string]hash),
	}
}

// SetPassword gives a user a password, in place of any that they had.
func (u *Users) SetPassword(name, password string) error {
	hashed, err := u.hash(password)
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.hashes[name] = hashed
	return nil
}

// Check reports whether there is such a user, with that password.
func (u *Users) Check(name, password string) bool {
	u.mu.RLock()
	known, exists := u.hashes[name]
	u.mu.RUnlock()
	if !exists {
		known = u.nobody
	}
	sum, err := u.sum(password, known.salt)
	return err == nil && subtle.ConstantTimeCompare(sum, known.sum) == 1 && exists
}

func (u *Users) hash(password string) (hash, error) {
	salt := random(saltLen)
	sum, err := u.sum(password, salt)
	return hash{salt, sum}, err
}

func (u *Users) sum(password string, salt []byte) ([]byte, error) {
	return pbkdf2.Key(sha256.New, password, salt, u.iterations, sha256.Size)
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: it ends the program rather than return weak bytes
	return b
}
