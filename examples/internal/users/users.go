// Package users keeps the names and passwords of the examples' users. It hashes
// passwords as a server should.
package users

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"sync"
)

const saltLen = 16

// Iterations makes it expensive to guess the password of a stolen hash. It is
// the number that OWASP recommends for PBKDF2 with SHA-256.
const Iterations = 600_000

// Users has the users and their passwords. It is safe for concurrent use. A
// real server keeps them in a database and limits the number of attempts.
type Users struct {
	iterations int
	nobody     hash // an unknown name takes as long as a wrong password

	mu     sync.RWMutex
	hashes map[string]hash
}

type hash struct{ salt, sum []byte }

// New returns Users without any user. Tests are faster with fewer iterations
// than Iterations.
func New(iterations int) *Users {
	return &Users{
		iterations: iterations,
		nobody:     hash{salt: random(saltLen), sum: random(sha256.Size)},
		hashes:     make(map[string]hash),
	}
}

// SetPassword sets a user's password and replaces the old one. It adds a user
// who does not exist.
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

// Check reports whether a user with this name and password exists.
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
	rand.Read(b) // never fails: without random bytes it crashes the program
	return b
}
