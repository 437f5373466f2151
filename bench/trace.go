package main

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// trace is a sequence of requests for objects. The objects are numbered from 0
// in the order of their first request.
type trace struct {
	requests []uint32
	objects  int
}

// source is a trace file or, with an empty File, the model of a site.
type source struct {
	Name     string
	File     string
	Requests int // of the model
	Seed     uint64
}

func (s source) load() trace {
	if s.File == "" {
		return site.generate(s.Requests, s.Seed)
	}
	return must(readFile(s.File))
}

// extensions are those of trace files.
var extensions = []string{".lis", ".lis.gz", ".lis.zst"}

// sources returns the trace files among the paths, which are files and
// directories of files.
func sources(paths []string) (all []source, err error) {
	for _, path := range paths {
		files, err := filepath.Glob(filepath.Join(path, "*.lis*"))
		if err != nil {
			return nil, err
		}
		if files == nil {
			files = []string{path}
		}
		for _, file := range files {
			name, extension, _ := strings.Cut(filepath.Base(file), ".")
			if !slices.Contains(extensions, "."+extension) {
				return nil, fmt.Errorf("%s is neither a trace (%s) nor a directory that has one", file, strings.Join(extensions, ", "))
			}
			all = append(all, source{Name: name, File: file})
		}
	}
	return all, nil
}

// readFile reads a trace file, compressed or not.
func readFile(name string) (t trace, err error) {
	file, err := os.Open(name)
	if err != nil {
		return t, err
	}
	defer file.Close()
	var content io.Reader = file
	switch filepath.Ext(name) {
	case ".gz":
		content, err = gzip.NewReader(file)
	case ".zst":
		var decoder *zstd.Decoder
		decoder, err = zstd.NewReader(file)
		if err == nil {
			defer decoder.Close()
			content = decoder
		}
	}
	if err == nil {
		t, err = readARC(content)
	}
	if err == nil && t.objects == 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return t, fmt.Errorf("%s: %w", filepath.Base(name), err)
	}
	return t, nil
}

// readARC reads the format of the traces published with ARC (Megiddo and Modha
// 2003). Each line has four numbers: the first block, the number of consecutive
// blocks, one that is ignored, and the number of the request. Each block is a
// request.
func readARC(r io.Reader) (t trace, err error) {
	const maxBlocks = 1 << 20 // a damaged file must not exhaust memory
	number := make(map[uint64]uint32)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		first, err := strconv.ParseUint(fields[0], 10, 64)
		count := uint64(maxBlocks + 1)
		if err == nil && len(fields) > 1 {
			count, err = strconv.ParseUint(fields[1], 10, 64)
		}
		if err != nil || count > maxBlocks || first+count < first {
			return trace{}, fmt.Errorf("%.40q does not begin with a block and a number of blocks up to %d", lines.Text(), maxBlocks)
		}
		for block := first; block < first+count; block++ {
			if _, ok := number[block]; !ok {
				number[block] = uint32(t.objects)
				t.objects++
			}
			t.requests = append(t.requests, number[block])
		}
	}
	return t, lines.Err()
}
