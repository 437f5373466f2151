package load

import "math/rand/v2"

// ZipfExponent is the skew of the Zipf accesses: near 1, where a few per cent
// of the sessions get half of the requests, as measured on web traffic.
const ZipfExponent = 1.01

// Distribution is how accesses spread over the sessions.
type Distribution string

// The distributions.
const (
	Zipf    Distribution = "zipf"
	Uniform Distribution = "uniform"
)

// Picker draws session numbers below n.
type Picker struct {
	n    uint64
	rng  *rand.Rand
	zipf *rand.Zipf // nil: uniform
}

// NewPicker returns a picker of numbers below n that repeats itself for the
// same seed.
func NewPicker(d Distribution, n int, seed uint64) *Picker {
	p := &Picker{n: uint64(n), rng: rand.New(rand.NewPCG(seed, mix(seed)))}
	if d == Zipf {
		p.zipf = rand.NewZipf(p.rng, ZipfExponent, 1, p.n-1)
	}
	return p
}

// Pick returns the number of the next session to access. Popular sessions lie
// anywhere among the numbers, not at the beginning: the sessions are stored in
// the order of their numbers, and popularity must not follow the layout of
// memory.
func (p *Picker) Pick() uint64 {
	if p.zipf == nil {
		return p.rng.Uint64N(p.n)
	}
	return Scatter(p.zipf.Uint64(), p.n)
}

// Scatter maps the numbers below n onto themselves, each onto one other, so
// that neighbours land far apart.
func Scatter(i, n uint64) uint64 {
	// A prime that divides no n of this program's; 61 bits would overflow, 31
	// bits times n below 2^33 does not.
	const prime = 2147483647
	return i * prime % n
}
