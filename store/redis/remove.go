package redisstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/rueidis"
)

// WAIT waits for replicas to have the latest write of its own connection, and
// blocks that. So a removal and WAIT are on a connection that nobody else uses
// meanwhile. If the entry was removed before, by an attempt that was not
// confirmed perhaps, fenceScript is that write.

// remove runs a script that removes an entry. With WaitReplicas it waits until
// replicas have the removal.
func (db *database) remove(ctx context.Context, c *clients, call scriptCall) (message rueidis.RedisMessage, err error) {
	if db.replicas == 0 {
		return runOne(ctx, c.entries, call)
	}
	if err = c.agree(); err != nil {
		return message, classify(err)
	}
	type result struct {
		message rueidis.RedisMessage
		err     error
	}
	done := make(chan result, 1)
	go func() { // a new connection may take longer than ctx allows
		message, err := db.removeRedirected(ctx, c, call)
		done <- result{message, err}
	}()
	select {
	case r := <-done:
		return r.message, classify(r.err)
	case <-ctx.Done():
		return message, classify(ctx.Err())
	}
}

const maxRedirections = 5

// removeRedirected removes an entry on a connection of its own. A client
// follows no redirections there.
func (db *database) removeRedirected(ctx context.Context, c *clients, call scriptCall) (message rueidis.RedisMessage, err error) {
	server, asking, removed := c.other, false, false
	for range maxRedirections {
		err = server.Dedicated(func(client rueidis.DedicatedClient) (err error) {
			message, removed, err = db.removeOn(ctx, client, asking, call)
			return err
		})
		var addr string
		if addr, asking = redirection(err); addr == "" {
			break
		}
		if server = c.other.Nodes()[addr]; server == nil {
			break
		}
	}
	if removed && err != nil {
		// The error must not wrap tier.ErrRefused.
		err = &failure{text: "a removal was carried out, but not confirmed by replicas: " + failureOf(err).text}
	}
	return message, err
}

// removeOn removes an entry on a connection. removed reports whether it did, if
// the wait that follows fails. asking overrides that the server does not yet
// own the slot of the key.
func (db *database) removeOn(ctx context.Context, client rueidis.DedicatedClient, asking bool, call scriptCall) (message rueidis.RedisMessage, removed bool, err error) {
	var commands []rueidis.Completed
	var removal, fence int
	add := func(call scriptCall) (index int) {
		if asking {
			commands = append(commands, client.B().Arbitrary("ASKING").Build()) // holds for one command
		}
		commands = append(commands, client.B().Eval().Script(call.script.text).Numkeys(1).Key(call.key).Arg(call.args...).Build())
		return len(commands) - 1
	}
	removal, fence = add(call), add(scriptCall{fenceScript, call.key, nil})
	timeout := int64(1)
	if deadline, ok := ctx.Deadline(); ok {
		timeout = max(1, time.Until(deadline).Milliseconds()*3/4)
	}
	commands = append(commands, client.B().Wait().Numreplicas(int64(db.replicas)).Timeout(timeout).Build())
	results := client.DoMulti(ctx, commands...)
	wait := results[len(results)-1]
	if wait.NonRedisError() != nil {
		client.Close() // WAIT may still block it
	}
	if message, err = results[removal].ToMessage(); err != nil || message.IsArray() { // another version
		return message, false, err
	}
	if err = results[fence].Error(); err != nil {
		return message, true, err
	}
	confirmed, err := wait.AsInt64()
	if err == nil && confirmed < int64(db.replicas) {
		err = fmt.Errorf("%d of %d replicas are in time: start replicas, or lower WaitReplicas", confirmed, db.replicas)
	}
	return message, true, err
}

// redirection returns the address of the server that a server of a cluster
// names in place of itself.
func redirection(err error) (addr string, asking bool) {
	if answer, ok := rueidis.IsRedisErr(err); ok {
		if addr, ok = answer.IsAsk(); ok {
			return addr, true
		}
		addr, _ = answer.IsMoved()
	}
	return addr, false
}

// agree returns an error if the clients are connected to different servers:
// Sentinels have replaced one, and only one client knows it yet. A cluster's
// servers redirect clients themselves.
func (c *clients) agree() error {
	if c.entries.Mode() == rueidis.ClientModeCluster {
		return nil
	}
	other := c.other.Nodes()
	for addr := range c.entries.Nodes() {
		if other[addr] == nil {
			return errors.New("the connections change to another server")
		}
	}
	return nil
}
