package main

import (
	"os/exec"
	"slices"
	"strings"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/boj/redistore"
	"github.com/gofiber/fiber/v3/middleware/session"
	fiberredis "github.com/gofiber/storage/redis/v3"
	goredis "github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/internal/testserver"
	redisstore "github.com/holdfast-go/holdfast/store/redis"
	"github.com/holdfast-go/holdfast/tier"
)

const cachedName = "holdfast, Cached"

// redisApps are the apps with sessions in a Redis, Holdfast's default first.
// Express is a program of its own.
func redisApps(addr string) []appInfo {
	return []appInfo{
		{cachedName, "net/http", "Redis, local copies", "github.com/holdfast-go/holdfast/store/redis", func() app { return newHoldfastApp(openRedis(addr, tier.Cached)) }},
		{"holdfast, Verified", "net/http", "Redis, verified copies", "", func() app { return newHoldfastApp(openRedis(addr, tier.Verified)) }},
		{"holdfast, Direct", "net/http", "Redis", "", func() app { return newHoldfastApp(openRedis(addr, tier.Direct)) }},
		{"scs goredisstore", "net/http", "Redis", "github.com/alexedwards/scs/goredisstore", func() app {
			return newSCSApp(goredisstore.New(goredis.NewClient(&goredis.Options{Addr: addr})))
		}},
		{"gorilla redistore", "net/http", "Redis", "github.com/boj/redistore", func() app {
			return newGorillaApp(must(redistore.NewRediStore(slices.Max(crowds), "tcp", addr, "", "", signingKey)))
		}},
		{"fiber redis", "fiber", "Redis", "github.com/gofiber/storage/redis/v3", func() app {
			return fiberSessionApp(session.Config{Storage: fiberredis.New(fiberredis.Config{Addrs: []string{addr}})})
		}},
		{"express", "express", "Redis", "", nil},
	}
}

// openRedis opens a store.
func openRedis(addr string, mode tier.Mode) *redisstore.Store {
	return must(redisstore.New(redisstore.Options{URL: "redis://" + addr, Check: true, Tier: patient(mode)}))
}

// redis is the part about sessions in Redis.
func (b *bench) redis() section {
	kind, version, err := installedRedis()
	if err != nil {
		return section{Title: "Sessions in Redis", Missing: []string{err.Error()}}
	}
	server := must(testserver.Start(kind))
	defer server.Close()
	counter := countTrips(server.Addr())
	defer counter.listener.Close()
	s := samples{}
	sec := b.in(database{
		name:    "Redis",
		intro:   "One server on the loopback interface has the sessions and stores nothing on disk. Holdfast's own figures come from two instances on that server.",
		version: version,
		url:     server.URL(),
		apps:    redisApps(server.Addr()),
		unit:    "trips",
		counted: "redis://" + counter.addr(),
		count:   func(*appProcess) float64 { return counter.count() },
		counter: "Trips: how often a request waits for the server, the median of some requests; counted by a proxy that sees when a client sends something after an answer.",
	}, s)
	for round := range pick(b, 1, b.rounds) {
		b.step("instances, round %d", round+1)
		child := start(b.ctx, holdfastName)
		s.addAll(holdfastName, "", child.run(pick(b, sharing{server.Addr(), 300, 10, 1}, sharing{server.Addr(), 5000, 200, 2})))
		child.close()
	}
	sec.Tables = append(sec.Tables, sharingTable(s))
	return sec
}

// installedRedis returns the Redis or else the Valkey of this machine.
func installedRedis() (kind testserver.Kind, version string, err error) {
	kind = testserver.Redis
	path, err := kind.Find()
	if err != nil {
		if other, none := testserver.Valkey.Find(); none == nil {
			kind, path, err = testserver.Valkey, other, nil
		}
	}
	output, _ := exec.Command(path, "--version").Output()
	version, _, _ = strings.Cut(string(output), " sha=")
	return kind, version, err
}
