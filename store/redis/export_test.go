package redisstore

import (
	"strings"

	"github.com/holdfast-go/holdfast/tier"
)

var (
	Capabilities  = capabilities
	ClientOptions = Options.clientOptions
)

// NewWith is New with faults between the database and the tier. Either function
// may be nil.
func NewWith(o Options, database func(tier.Database) tier.Database, listener func(tier.Listener) tier.Listener) (*Store, error) {
	return newStore(o, func(db *database_, l tier.Listener) (tier.Database, tier.Listener) {
		wrapped := tier.Database(db)
		if database != nil {
			wrapped = database(wrapped)
		}
		if listener != nil {
			l = listener(l)
		}
		return wrapped, l
	})
}

type database_ = database

// WithoutTrailingRead removes the reads at the end of the scripts that write.
func WithoutTrailingRead() (restore func()) {
	swap, set, touch := swapScript, setScript, touchScript
	for _, s := range []*script{&swapScript, &setScript, &touchScript} {
		text := strings.ReplaceAll(s.text, "redis.call('STRLEN', KEYS[1])\n", "")
		if text == s.text {
			panic("the script has no such read")
		}
		*s = newScript(text)
	}
	return func() { swapScript, setScript, touchScript = swap, set, touch }
}
