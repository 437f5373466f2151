package arena

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// No machine has so much memory.
func TestReserve_too_much(t *testing.T) {
	memory, err := reserve(1<<60, false)
	assert.ErrorContains(t, err, "reserving 1152921504606846976 bytes")
	assert.Nil(t, memory)
}
