package holdfast

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// A marker is taken once. One that nobody takes is forgotten, so that they do
// not accumulate.
func TestMarkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(markers)
		a, b, c := strings.Repeat("a", storeKeyLen), strings.Repeat("b", storeKeyLen), strings.Repeat("c", storeKeyLen)
		assert.False(t, m.take(a))
		m.add(a)
		assert.True(t, m.take(a))
		assert.False(t, m.take(a))

		m.add(a)
		m.add(b)
		time.Sleep(markersLast)
		m.add(c)
		assert.True(t, m.take(a), "it lasts for a generation")
		time.Sleep(markersLast)
		m.add(c)
		assert.False(t, m.take(b), "it lasts for two generations at most")
		assert.True(t, m.take(c))
		assert.False(t, m.take(c))

		(*markers)(nil).add(a)
		assert.False(t, (*markers)(nil).take(a))
	})
}
