package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite"

	"github.com/holdfast-go/holdfast"
	sqlstore "github.com/holdfast-go/holdfast/store/sql"
)

// Sessions in an SQLite file survive the end of the process.
func ExampleNew() {
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	for range 2 {
		visit(filepath.Join(folder, "sessions.db"))
	}
	// Output:
	// false
	// true
}

func visit(file string) {
	db, err := sql.Open("sqlite", file)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	store, err := sqlstore.New(db, sqlstore.SQLite, sqlstore.Options{Migrate: true})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	sessions, err := holdfast.New(holdfast.Options{Store: store})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	// A Manager calls the methods of the Store. Here the program does.
	_, found, err := store.Get(context.Background(), "id", holdfast.ReadUse)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found)
	if err := store.Set(context.Background(), "id", []byte("value"), time.Hour); err != nil {
		log.Fatal(err)
	}
}
