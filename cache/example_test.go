package cache_test

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/holdfast-go/holdfast/cache"
)

func ExampleNew() {
	c, err := cache.New(cache.Options{MaxBytes: 256 << 20})
	if err != nil {
		panic(err)
	}
	defer c.Close()

	if err := c.Set("id", []byte("value"), 30*time.Minute); err != nil {
		panic(err)
	}
	value, ok := c.Get("id")
	fmt.Printf("%s %v\n", value, ok)
	// Output: value true
}

func ExampleNew_refused() {
	_, err := cache.New(cache.Options{MaxBytes: 3})
	fmt.Println(errors.Is(err, cache.ErrInvalid))
	fmt.Println(err)
	// Output:
	// true
	// cache: invalid argument: MaxBytes is 3; the minimum is 4096
}

func ExampleCache_Append() {
	c, _ := cache.New(cache.Options{})
	defer c.Close()
	c.Set("id", []byte("value"), time.Minute)

	buf := make([]byte, 0, 1024) // kept from one lookup to the next
	buf, ok := c.Append(buf[:0], "id")
	fmt.Printf("%s %v\n", buf, ok)
	// Output: value true
}

// A counter that loses no step, however many goroutines raise it.
func ExampleCache_Update() {
	c, _ := cache.New(cache.Options{})
	defer c.Close()

	for range 3 {
		err := c.Update("visits", func(old []byte, found bool) (cache.Change, error) {
			n := 0
			if found {
				n, _ = strconv.Atoi(string(old))
			}
			return cache.Put(strconv.AppendInt(nil, int64(n+1), 10), time.Hour), nil
		})
		if err != nil {
			panic(err)
		}
	}
	value, _ := c.Get("visits")
	fmt.Println(string(value))
	// Output: 3
}

func ExampleCache_Touch() {
	c, _ := cache.New(cache.Options{})
	defer c.Close()
	c.Set("id", []byte("value"), time.Minute)

	fmt.Println(c.Touch("id", time.Hour))
	fmt.Println(c.Touch("somebody else's", time.Hour))
	// Output:
	// true
	// false
}

func ExampleCache_All() {
	c, _ := cache.New(cache.Options{})
	defer c.Close()
	c.Set("id", []byte("value"), time.Minute)

	for id, value := range c.All() {
		fmt.Printf("%s: %s\n", id, value)
	}
	// Output: id: value
}

func ExampleCache_Stats() {
	c, _ := cache.New(cache.Options{MaxBytes: 1 << 20})
	defer c.Close()
	c.Set("id", []byte("value"), time.Minute)
	c.Get("id")
	c.Get("nobody's")

	stats := c.Stats()
	fmt.Println(stats.Entries, stats.Bytes.Total() < stats.MaxBytes, stats.HitRatio())
	// Output: 1 true 0.5
}
