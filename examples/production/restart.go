package main

import (
	"errors"
	"io/fs"
	"log"
	"os"

	"github.com/holdfast-go/holdfast/cache"
)

// restore loads the sessions of the process before this one. It removes their
// file: loaded once more, after a crash, it would bring back sessions that were
// logged out since.
func restore(c *cache.Cache, file string) {
	if file == "" {
		return
	}
	switch n, err := c.LoadFile(file); {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err != nil:
		log.Printf("%d sessions were kept, not all: %v", n, err) // better some users than none
	default:
		log.Printf("%d sessions were kept", n)
	}
	if err := os.Remove(file); err != nil {
		log.Print(err)
	}
}

// try saves the sessions once and removes the file again. So a file that cannot be
// written stops the program now, and not when all sessions are lost.
func try(c *cache.Cache, file string) error {
	if file == "" {
		return nil
	}
	if err := c.SaveFile(file); err != nil {
		return err
	}
	return os.Remove(file)
}

func save(c *cache.Cache, file string) error {
	if file == "" {
		return nil
	}
	return c.SaveFile(file)
}
