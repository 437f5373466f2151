package holdfast

import (
	"net/http"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
)

// With net/http's request in it, of 304 bytes in Go 1.26, what a request allocates
// fills a size class of the allocator, 512 bytes; the next one has 576.
func TestARequestsMemoryFitsItsSizeClass(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("for machines of 64 bits")
	}
	assert.LessOrEqual(t, unsafe.Sizeof(requestMemory{})-unsafe.Sizeof(http.Request{}), uintptr(208))
}
