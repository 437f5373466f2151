package holdfast

import (
	"net/http"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
)

// A request allocates 512 bytes with the 304 of net/http's Request in Go 1.26.
// They fill a size class of the allocator; the next class has 576.
func TestRequestMemory_fits_its_size_class(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("64-bit platforms only")
	}
	assert.LessOrEqual(t, unsafe.Sizeof(requestMemory{})-unsafe.Sizeof(http.Request{}), uintptr(208))
}
