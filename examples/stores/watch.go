package main

import (
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/inspect"
	"github.com/holdfast-go/holdfast/tier"
)

var storeNames = map[string]string{"sqlite": "SQLite", "redis": "Redis", "rediss": "Redis", "postgres": "PostgreSQL", "postgresql": "PostgreSQL"}

// watch serves the live page about the sessions and their store at addr. It
// returns a function that ends it.
func watch(addr, store string, o holdfast.Options, sessions *holdfast.Manager) (end func(), err error) {
	scheme, _, _ := strings.Cut(store, ":")
	sources := inspect.Options{Manager: sessions, Cache: o.Cache, StoreName: storeNames[scheme]}
	sources.Store, _ = o.Store.(interface{ Stats() tier.Stats })
	page, err := inspect.New(sources)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		_ = page.Close()
		return nil, err
	}
	log.Printf("watch http://%s/", listener.Addr())
	server := &http.Server{Handler: page, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	return func() {
		_ = page.Close()
		_ = server.Close()
	}, nil
}
