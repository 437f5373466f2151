package main

import (
	"errors"
	"io/fs"
	"log"
	"os"

	"github.com/holdfast-go/holdfast/cache"
)

// restore loads the sessions of the previous process and removes the file. A
// second load, after a crash, would bring back sessions whose users have logged
// out meanwhile.
func restore(c *cache.Cache, file string) {
	if file == "" {
		return
	}
	switch n, err := c.LoadFile(file); {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err != nil:
		// Some sessions are better than none.
		log.Printf("%d sessions were kept, not all: %v", n, err)
	default:
		log.Printf("%d sessions were kept", n)
	}
	if err := os.Remove(file); err != nil {
		log.Print(err)
	}
}

// try saves the sessions once and removes the file again. A file that cannot be
// written is an error at the start, when no session can be lost yet.
func try(c *cache.Cache, file string) error {
	if file == "" {
		return nil
	}
	if err := c.SaveFile(file); err != nil {
		return err
	}
	return os.Remove(file)
}

// save writes the sessions to file. An empty name writes nothing.
func save(c *cache.Cache, file string) error {
	if file == "" {
		return nil
	}
	return c.SaveFile(file)
}
