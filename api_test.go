package holdfast_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/apinames"
)

// docs/api.md says of each exported name why it exists.
func TestAPIPage(t *testing.T) {
	page, err := os.ReadFile("docs/api.md")
	require.NoError(t, err)
	for section, folder := range map[string]string{"holdfast": ".", "cache": "cache", "codec": "codec", "storetest": "storetest",
		"tier": "tier", "store/redis": "store/redis", "store/sql": "store/sql", "store/sql/pgxlisten": "store/sql/pgxlisten",
		"metrics": "metrics", "metrics/prometheus": "metrics/prometheus", "metrics/otel": "metrics/otel", "inspect": "inspect"} {
		_, text, found := strings.Cut(string(page), "\n## "+section+"\n")
		require.True(t, found, section)
		text, _, _ = strings.Cut(text, "\n## ")
		var listed []string
		for _, row := range regexp.MustCompile(`(?m)^\| ([^|]*) \|`).FindAllStringSubmatch(text, -1) {
			for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
				listed = append(listed, name[1])
			}
		}
		slices.Sort(listed)
		declared, _, err := apinames.Of(folder)
		require.NoError(t, err)
		assert.Equal(t, declared, listed, section)
	}
}
