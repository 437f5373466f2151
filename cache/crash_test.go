package cache

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const crashChild = "HOLDFAST_TEST_CRASH"

// A process that saves one generation of entries after the other is killed at a
// random moment, again and again. Its file must then hold one whole generation.
func TestSaveFileKilled(t *testing.T) {
	if path := os.Getenv(crashChild); path != "" {
		saveForEver(path)
	}
	path := filepath.Join(t.TempDir(), "sessions")
	random := rand.New(rand.NewPCG(1, 2))
	for range steps(6) {
		child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		child.Env = append(os.Environ(), crashChild+"="+path)
		require.NoError(t, child.Start())
		require.Eventually(t, func() bool { _, err := os.Stat(path); return err == nil }, time.Minute, time.Millisecond)
		time.Sleep(time.Duration(random.IntN(40)) * time.Millisecond)
		require.NoError(t, child.Process.Kill())
		_ = child.Wait() // it was killed

		c := openCache(t, Options{})
		_, err := c.LoadFile(path)
		require.NoError(t, err)
		generations := map[string]int{}
		for _, generation := range contents(c) {
			generations[generation]++
		}
		require.Len(t, generations, 1)
		for _, n := range generations {
			assert.Equal(t, crashEntries, n)
		}
	}
}

const crashEntries = 5000

func saveForEver(path string) {
	c, err := New(Options{})
	for generation := 0; err == nil; generation++ {
		for i := range crashEntries {
			err = c.Set(fmt.Sprint(i), fmt.Appendf(nil, "generation %d", generation), time.Hour)
		}
		if err == nil {
			err = c.SaveFile(path)
		}
	}
	panic(err)
}
