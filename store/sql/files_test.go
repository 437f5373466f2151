package sqlstore_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	sqlstore "github.com/holdfast-go/holdfast/store/sql"
)

// Two names of a file would have two locks, and two WALs that damage it.
func TestSQLite_hard_link(t *testing.T) {
	eachSQLite(t, func(t *testing.T, driver string) {
		file := file(t)
		s := open(t, openFile(t, driver, file), sqlstore.SQLite, sqlstore.Options{})
		link := filepath.Join(t.TempDir(), "link.db")
		require.NoError(t, os.Link(file, link))
		_, err := sqlstore.New(openFile(t, driver, link), sqlstore.SQLite, sqlstore.Options{})
		require.ErrorIs(t, err, sqlstore.ErrInUse)
		require.ErrorContains(t, err, link)
		require.ErrorContains(t, err, "hard links")
		require.NoError(t, s.Set(background, "a", []byte("1"), time.Hour), "the first one goes on")
	})
}

// A write into a file that is gone is not acknowledged. Reads end within
// MaxStale. Once the file is back, all goes on.
func TestSQLite_removed(t *testing.T) {
	for suffix, replaced := range map[string]bool{"": false, "-wal": false, "-owner": true} {
		t.Run("file"+suffix, func(t *testing.T) {
			eachSQLite(t, func(t *testing.T, driver string) {
				file := file(t)
				s := open(t, openFile(t, driver, file), sqlstore.SQLite, sqlstore.Options{})
				require.NoError(t, s.Set(background, "a", []byte("1"), time.Hour))
				away := filepath.Join(t.TempDir(), "away")
				require.NoError(t, os.Rename(file+suffix, away))
				if replaced {
					require.NoError(t, os.WriteFile(file+suffix, nil, 0o600))
				}
				err := s.Set(background, "b", []byte("1"), time.Hour)
				require.ErrorIs(t, err, holdfast.ErrUnavailable)
				require.ErrorContains(t, err, file+suffix+": the file was removed")
				require.ErrorIs(t, remove(s, "a"), holdfast.ErrUnavailable)
				soon(t, func() bool { return s.Stats().Away })
				_, _, err = s.Get(background, "b", holdfast.ReadUse)
				require.ErrorIs(t, err, holdfast.ErrUnavailable)
				require.NoError(t, os.Rename(away, file+suffix))
				soon(t, func() bool { return s.Set(background, "b", []byte("2"), time.Hour) == nil })
			})
		})
	}
}
