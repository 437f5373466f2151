package sqlstore

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/holdfast-go/holdfast"
)

// A table name is lower case, so it needs no quotes in tools. It is quoted all
// the same, since it may be a reserved word. Its length leaves room for the
// names of the indexes in the 63 bytes that PostgreSQL allows.
var (
	plainTable     = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,49}$`)
	qualifiedTable = regexp.MustCompile(`^([a-z_][a-z0-9_]{0,49}\.)?[a-z_][a-z0-9_]{0,49}$`)
)

const defaultTable = "holdfast_sessions"

func checkTable(dialect Dialect, table string) error {
	switch {
	case dialect == PostgreSQL && !qualifiedTable.MatchString(table):
		return fmt.Errorf("%w: Table is %q; it must have lower-case letters, digits and _ alone, 50 at most, perhaps after a schema and a dot", holdfast.ErrOptions, table)
	case dialect == SQLite && !plainTable.MatchString(table):
		return fmt.Errorf("%w: Table is %q; it must have lower-case letters, digits and _ alone, 50 at most", holdfast.ErrOptions, table)
	}
	return nil
}

// quote quotes a name that may have a schema before a dot.
func quote(name string) string { return `"` + strings.ReplaceAll(name, ".", `"."`) + `"` }

// Schema returns the statements that make a table and its indexes, if they do
// not exist yet. Each ends with a semicolon. An empty table name means
// "holdfast_sessions". Schema is for programs whose database user may not make
// tables; others set Options.Migrate. It panics if the dialect is unknown or
// the table name is not valid.
func Schema(dialect Dialect, table string) string {
	if table == "" {
		table = defaultTable
	}
	if err := checkDialect(dialect); err != nil {
		panic(err)
	}
	if err := checkTable(dialect, table); err != nil {
		panic(err)
	}
	return strings.Join(statements(dialect, table), ";\n") + ";\n"
}

func statements(dialect Dialect, table string) []string {
	text := sqliteSchema
	if dialect == PostgreSQL {
		text = postgresSchema
	}
	return strings.Split(withTable(text, table), ";\n")
}

// withTable puts the quoted names of a table and its indexes into a text. An
// index is in the schema of its table, so its name is given without.
func withTable(text, table string) string {
	bare := table[strings.Index(table, ".")+1:]
	return strings.NewReplacer("{table}", quote(table), "{bucket}", quote(bare+"_bucket"),
		"{expires}", quote(bare+"_expires"), "{tag}", quote(bare+"_tag")).Replace(text)
}

// The version is a random number. The bucket is the hour in which the entry
// ends, in UTC. Since it is indexed and expires is not, most updates change no
// index, so PostgreSQL keeps the new row on the old one's page (a heap-only
// tuple) and reuses the space without a vacuum. A full page loses one row to
// another page, and then has room: a fillfactor made no difference.
//
// The database derives the bucket, because expires is derived there too. The
// program gives the tag: it knows the format of the values, and the table does
// not change with it. The index has the id as well, so a listing reads its rows
// in the order of its pages.
const postgresSchema = `CREATE TABLE IF NOT EXISTS {table} (
	id bytea PRIMARY KEY,
	value bytea NOT NULL,
	version bigint NOT NULL,
	expires timestamptz NOT NULL,
	bucket timestamp NOT NULL GENERATED ALWAYS AS (date_trunc('hour', expires AT TIME ZONE 'UTC')) STORED,
	tag bytea
);
CREATE INDEX IF NOT EXISTS {bucket} ON {table} (bucket);
CREATE INDEX IF NOT EXISTS {tag} ON {table} (tag, id) WHERE tag IS NOT NULL`

// expires is the Unix time in nanoseconds, or the largest integer for no end.
// The index by tag has the id, as each index of such a table does.
const sqliteSchema = `CREATE TABLE IF NOT EXISTS {table} (
	id BLOB PRIMARY KEY,
	value BLOB NOT NULL,
	version INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	tag BLOB
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS {expires} ON {table} (expires);
CREATE INDEX IF NOT EXISTS {tag} ON {table} (tag) WHERE tag IS NOT NULL`
