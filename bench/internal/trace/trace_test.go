package trace

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func oracleBytes(objects ...uint64) []byte {
	var b []byte
	for i, object := range objects {
		b = binary.LittleEndian.AppendUint32(b, uint32(i))
		b = binary.LittleEndian.AppendUint64(b, object)
		b = binary.LittleEndian.AppendUint32(b, 100)
		b = binary.LittleEndian.AppendUint64(b, 0)
	}
	return b
}

func TestLoadFormats(t *testing.T) {
	tests := []struct{ name, file, content string }{
		{"ARC", "a.lis", "7 2 0 0\n9 1 0 1\n\n7 1 0 2\n"},
		{"CSV", "a.csv", "0,7,100\n1,8,100\n2,9,100\n3,7,100\n"},
		{"CSV with a header", "b.csv", "# a comment\nobj_id,time\n7,0\n8,1\n9,2\n7,3\n"},
		{"CSV with text", "c.csv", "0, seven\n1, eight\n2, nine\n3, seven\n"},
		{"oracleGeneral", "a.oracleGeneral", string(oracleBytes(7, 8, 9, 7))},
		{"oracleGeneral as .bin", "a.bin", string(oracleBytes(7, 8, 9, 7))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), tt.file)
			if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			if want := []uint32{0, 1, 2, 0}; !slices.Equal(got.Requests, want) || got.Objects != 3 {
				t.Errorf("got %+v, want requests %v of 3 objects", got, want)
			}
		})
	}
}

func TestLoadDamaged(t *testing.T) {
	damaged := map[string]string{
		"a.lis": "7\n", "b.lis": "x 1 0 0\n", "c.lis": "0 -1 0 0\n", "d.lis": "0 99999999999 0 0\n",
		"a.csv": "1\n", "b.csv": "\"", "a.bin": "short", "a.zst": "",
	}
	for file, content := range damaged {
		path := filepath.Join(t.TempDir(), file)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil {
			t.Errorf("%s: %q was read without an error", file, content)
		} else if strings.Contains(err.Error(), filepath.Dir(path)) {
			t.Errorf("%s: the error shows the path: %v", file, err)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "missing.lis")); err == nil {
		t.Error("a missing file was read")
	}
}

// check fails unless the objects are numbered from 0 in the order of their first
// request, as in every trace that a reader accepts.
func check(t *testing.T, got Trace, err error) {
	t.Helper()
	if err != nil {
		return
	}
	next := uint32(0)
	for i, object := range got.Requests {
		if object > next {
			t.Fatalf("request %d is for object %d, though only %d came before", i, object, next)
		}
		next = max(next, object+1)
	}
	if int(next) != got.Objects {
		t.Fatalf("%d objects were requested, Objects says %d", next, got.Objects)
	}
}

func FuzzARC(f *testing.F) {
	f.Add([]byte("7 2 0 0\n9 1 0 1\n"))
	f.Add([]byte("9223372036854775807 3 0 0\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := ReadARC(bytes.NewReader(content))
		check(t, got, err)
	})
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("0,7,100\n1,8,100\n"))
	f.Add([]byte("time,obj_id\n0,7\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := ReadCSV(bytes.NewReader(content))
		check(t, got, err)
	})
}

func FuzzOracle(f *testing.F) {
	f.Add(oracleBytes(7, 8, 7))
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := ReadOracle(bytes.NewReader(content))
		check(t, got, err)
		if whole := len(content)%oracleRecord == 0; whole != (err == nil) {
			t.Fatalf("%d bytes gave the error %v", len(content), err)
		}
	})
}
