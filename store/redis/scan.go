package redisstore

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/tier"
)

// A page of a scan has about so many entries. Each page must be read within the
// tier's Timeout.
const scanPage = 100

// Scan implements tier.Database. The prefix of a user's records is looked up in
// the index; any other prefix takes a scan of all keys.
func (db *database) Scan(ctx context.Context, prefix []byte, cursor string) (found []tier.Entry, next string, err error) {
	c, err := db.connected()
	if err != nil {
		return nil, "", err
	}
	if err := c.agree(); err != nil {
		return nil, "", classify(err)
	}
	var ids []string
	if isUserTag(prefix) {
		ids, next, err = db.nextIndexed(ctx, c, prefix, cursor)
	} else {
		ids, next, err = db.nextKeys(ctx, c, cursor)
	}
	if err != nil {
		return nil, "", classify(err)
	}
	found, err = db.entries(ctx, c, ids, prefix)
	return found, next, err
}

// isUserTag reports whether prefix is a user tag: one that a record with a user
// can have.
func isUserTag(prefix []byte) bool {
	tag, ok := holdfast.UserTag(prefix)
	return ok && len(tag) == len(prefix)
}

// The cursor of a listing by index is the latest ID that was read, with its
// time, and how many IDs with that time were read. ZSCAN's would not do: it
// means nothing to the server that takes over, or gets the slot.

func (db *database) nextIndexed(ctx context.Context, c *clients, tag []byte, cursor string) (ids []string, next string, err error) {
	from, after, same := "-inf", "", 0
	if cursor != "" {
		if _, err := fmt.Sscanf(cursor, "%s %d %q", &from, &same, &after); err != nil {
			return nil, "", err
		}
	}
	limit := int64(scanPage + same)
	same = 0
	found, err := c.other.Do(ctx, c.other.B().Zrange().Key(db.indexKey(tag)).Min(from).Max("+inf").Byscore().Limit(0, limit).Withscores().Build()).AsZScores()
	if err != nil {
		return nil, "", err
	}
	for _, z := range found {
		// IDs with the same time are in order.
		if at := strconv.FormatFloat(z.Score, 'f', -1, 64); at != from {
			from, same = at, 1
		} else if same++; z.Member <= after {
			continue
		}
		ids, after = append(ids, z.Member), z.Member
	}
	if int64(len(found)) < limit {
		return ids, "", nil
	}
	return ids, fmt.Sprintf("%s %d %q", from, same, after), nil
}

// globEscaper makes a pattern that matches a text alone.
var globEscaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)

// entries reads the entries whose value begins with prefix.
func (db *database) entries(ctx context.Context, c *clients, ids []string, prefix []byte) (found []tier.Entry, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	calls := make([]scriptCall, len(ids))
	for i, id := range ids {
		calls[i] = scriptCall{readScript, db.keyOf(id), []string{""}}
	}
	for i, result := range run(ctx, c.other, calls...) {
		message, err := result.ToMessage()
		item := tier.Item{}
		if err == nil {
			item, err = itemOf(message, 0)
		}
		if err = classify(err); err != nil && err.Error() != errForeign.Error() {
			return nil, err
		}
		if item.Version != 0 && bytes.HasPrefix(item.Value, prefix) {
			found = append(found, tier.Entry{ID: ids[i], Value: item.Value, TTL: item.TTL})
		}
	}
	return found, nil
}
