package codec_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log"

	"github.com/holdfast-go/holdfast/codec"
)

func ExampleMsgPack() {
	data, err := codec.MsgPack{}.Marshal(map[string]any{"user": "ada", "visits": 42})
	if err != nil {
		log.Fatal(err)
	}

	var session map[string]any
	if err := (codec.MsgPack{}).Unmarshal(data, &session); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%v has come %d times\n", session["user"], session["visits"].(int)+1)
	// Output: ada has come 43 times
}

func ExampleJSON() {
	data, err := codec.JSON{}.Marshal(map[string]any{"user": "ada", "visits": 42})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", data)

	var session map[string]any
	if err := (codec.JSON{}).Unmarshal(data, &session); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%T\n", session["visits"])
	// Output:
	// {"user":"ada","visits":42}
	// float64
}

// newKey stands for reading 32 secret bytes from the secrets of a deployment. A
// program that made a key at start could not open the values of its last run.
func newKey() []byte {
	key := make([]byte, 32)
	rand.Read(key)
	return key
}

func ExampleSealed() {
	sealed, err := codec.NewSealed(codec.MsgPack{}, newKey())
	if err != nil {
		log.Fatal(err)
	}
	data, err := sealed.Marshal("the balance is 100")
	if err != nil {
		log.Fatal(err)
	}

	var text string
	fmt.Println(sealed.Unmarshal(data, &text), text)
	data[len(data)-1] ^= 1
	fmt.Println(sealed.Unmarshal(data, &text))
	// Output:
	// <nil> the balance is 100
	// codec: sealed value cannot be opened
}

func ExampleNewSealed_rotation() {
	oldKey, newerKey := newKey(), newKey()
	before, err := codec.NewSealed(codec.MsgPack{}, oldKey)
	if err != nil {
		log.Fatal(err)
	}
	data, err := before.Marshal("written last week")
	if err != nil {
		log.Fatal(err)
	}

	// The new key seals, and the old key still opens. When the longest lifetime
	// of a session has passed, remove the old key.
	after, err := codec.NewSealed(codec.MsgPack{}, newerKey, oldKey)
	if err != nil {
		log.Fatal(err)
	}
	var text string
	if err := after.Unmarshal(data, &text); err != nil {
		log.Fatal(err)
	}
	fmt.Println(text)
	// Output: written last week
}

func ExampleSealed_Bind() {
	sealed, err := codec.NewSealed(codec.MsgPack{}, newKey())
	if err != nil {
		log.Fatal(err)
	}
	admin, guest := sealed.Bind("session 1\x00role"), sealed.Bind("session 2\x00role")
	data, err := admin.Marshal("admin")
	if err != nil {
		log.Fatal(err)
	}

	// An attacker with access to the store copies the administrator's value
	// into the guest's session.
	var role string
	err = guest.Unmarshal(data, &role)
	fmt.Println(errors.Is(err, codec.ErrOpen))
	// Output: true
}
