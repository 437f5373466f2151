package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// A scan of all keys visits one server after the other. SCAN finds each key
// that is on its server from its beginning to its end. In a cluster a key may
// move meanwhile, to a server that was visited before. So if slots have moved
// during the visits, or were moving at the end, all servers are visited again:
// then a key is missed only if it has moved twice.
//
// SCAN's cursor means nothing after a restart or to another server. If a server
// was lost or replaced, the scan begins again.

// position is the cursor of a scan of all keys.
type position struct {
	Owners  map[string]string // the slots of each server, by address, when the first was visited
	Address string            // of the server that is visited
	Ended   uint64            // connections to it that had ended before
	Cursor  uint64            // SCAN's
	Again   bool              // all servers have been visited once
	Begun   int               // how often the scan has begun
}

const maxScans = 3

// nextKeys returns some of the IDs of all entries, and the next cursor.
func (db *database) nextKeys(ctx context.Context, c *clients, cursor string) (ids []string, next string, err error) {
	var at position
	if cursor == "" {
		err = at.begin(ctx, c)
	} else {
		err = json.Unmarshal([]byte(cursor), &at)
	}
	if err != nil {
		return nil, "", err
	}
	server, done := c.other.Nodes()[at.Address], false
	if server == nil {
		done, err = at.next(ctx, c)
	} else {
		var scan rueidis.ScanEntry
		scan, err = server.Do(ctx, server.B().Scan().Cursor(at.Cursor).Match(globEscaper.Replace(db.keyOf(""))+"*").Count(scanPage).Build()).AsScanEntry()
		if err != nil {
			return nil, "", err
		}
		for _, key := range scan.Elements {
			if id, ok := db.idOf(key); ok {
				ids = append(ids, id)
			}
		}
		if c.otherConnections.endedTo(at.Address) != at.Ended {
			err = at.begin(ctx, c)
		} else if at.Cursor = scan.Cursor; at.Cursor == 0 {
			done, err = at.next(ctx, c)
		}
	}
	if err != nil || done {
		return ids, "", err
	}
	encoded, err := json.Marshal(at)
	return ids, string(encoded), err
}

// begin begins the scan, or begins it again.
func (at *position) begin(ctx context.Context, c *clients) (err error) {
	if at.Begun++; at.Begun > maxScans {
		return errors.New("servers were lost or replaced again and again during a scan of all sessions")
	}
	if at.Owners, err = c.owners(ctx); err == nil {
		at.visit(c, slices.Min(slices.Collect(maps.Keys(at.Owners))))
	}
	return err
}

func (at *position) visit(c *clients, address string) {
	at.Address, at.Cursor = address, 0
	at.Ended = c.otherConnections.endedTo(address)
}

// next moves on to another server, or reports that the scan is done.
func (at *position) next(ctx context.Context, c *clients) (done bool, err error) {
	owners, err := c.owners(ctx)
	if err != nil {
		return false, err
	}
	addresses := slices.Sorted(maps.Keys(owners))
	if !slices.Equal(addresses, slices.Sorted(maps.Keys(at.Owners))) {
		return false, at.begin(ctx, c)
	}
	if i := slices.Index(addresses, at.Address) + 1; i < len(addresses) {
		at.visit(c, addresses[i])
		return false, nil
	}
	moving := !maps.Equal(owners, at.Owners)
	for _, slots := range owners {
		moving = moving || strings.Contains(slots, "[")
	}
	if at.Again || !moving {
		return true, nil
	}
	at.Owners, at.Again = owners, true
	at.visit(c, addresses[0])
	return false, nil
}

const allSlots = 16384

// owners returns the primary servers, by address, and in a cluster the slots of
// each, as it says itself.
func (c *clients) owners(ctx context.Context) (owners map[string]string, err error) {
	if c.other.Mode() != rueidis.ClientModeCluster {
		owners = make(map[string]string)
		for address := range c.other.Nodes() {
			owners[address] = ""
		}
		return owners, nil
	}
	// A slot that moves just now may seem to have no server.
	for pause := time.Millisecond; ; pause *= 2 {
		if owners, err = c.ownersNow(ctx); err == nil {
			return owners, nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, err
		}
	}
}

func (c *clients) ownersNow(ctx context.Context) (map[string]string, error) {
	type answer struct {
		address, slots string
		err            error
	}
	nodes := c.other.Nodes()
	answers := make(chan answer, len(nodes))
	for address, node := range nodes {
		go func() {
			slots, err := ownSlots(ctx, node)
			answers <- answer{address, slots, err}
		}()
	}
	owners, failed := make(map[string]string), errors.New("a slot has no server")
	var found slotSet
	for left := len(nodes); left > 0 && found.n < allSlots; left-- { // dead replicas need not answer
		select {
		case a := <-answers:
			if a.err == nil && a.slots != "" {
				owners[a.address] = a.slots
				found.add(a.slots)
			} else if a.err != nil && a.err != errReplica {
				failed = a.err
			}
		case <-ctx.Done():
			return nil, failed
		}
	}
	if found.n < allSlots {
		return nil, failed
	}
	return owners, nil
}

// ownSlots asks a server of a cluster for its slots. It returns errReplica and
// errDown as state does.
func ownSlots(ctx context.Context, server rueidis.Client) (string, error) {
	if _, err := state(ctx, server, true); err != nil {
		return "", err
	}
	nodes, err := server.Do(ctx, server.B().ClusterNodes().Build()).ToString()
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(nodes) {
		if fields := strings.Fields(line); len(fields) >= 8 && strings.Contains(fields[2], "myself") {
			return strings.Join(fields[8:], " "), nil
		}
	}
	return "", errAnswer
}

// slotSet is a set of slots. Two servers may have one slot while it moves.
type slotSet struct {
	has [allSlots]bool
	n   int
}

// add adds slots such as "0-5460 7000 [93->-node]". The last one is moving.
func (s *slotSet) add(slots string) {
	for span := range strings.FieldsSeq(slots) {
		first, last, ok := strings.Cut(span, "-")
		if !ok {
			last = first
		}
		from, err := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err != nil || err2 != nil {
			continue
		}
		for slot := max(from, 0); slot <= min(to, allSlots-1); slot++ {
			if !s.has[slot] {
				s.has[slot] = true
				s.n++
			}
		}
	}
}
