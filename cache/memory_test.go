package cache

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMemoryThatNobodyHasIsAnError(t *testing.T) {
	memory, err := reserve(1<<60, false)
	assert.ErrorContains(t, err, "reserving 1152921504606846976 bytes")
	assert.Nil(t, memory)
}
