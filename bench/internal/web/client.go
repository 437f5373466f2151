package web

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	connections = 4

	// A visitor views so many pages; the next one comes without a cookie.
	pagesPerVisitor = 10
)

// drive lets as many clients as there are connections request the page one
// after the other for a time, and returns the requests a second. The clients
// speak HTTP on the bare connection, since they share the processors with the
// server that they measure.
func drive(ctx context.Context, address string, d time.Duration) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	counts := make([]int, connections)
	errs := make([]error, connections)
	var wg sync.WaitGroup
	start := time.Now()
	for i := range connections {
		wg.Go(func() { counts[i], errs[i] = client(ctx, address) })
	}
	wg.Wait()
	elapsed := time.Since(start)
	total := 0
	for i, n := range counts {
		if errs[i] != nil {
			return 0, errs[i]
		}
		total += n
	}
	return float64(total) / elapsed.Seconds(), nil
}

// client requests the page over one connection until ctx ends.
func client(ctx context.Context, address string) (requests int, err error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return 0, err
	}
	in := bufio.NewReader(conn)
	for cookie := ""; ctx.Err() == nil; requests++ {
		if requests%pagesPerVisitor == 0 {
			cookie = ""
		}
		set, err := view(conn, in, cookie)
		if err != nil {
			return requests, fmt.Errorf("request %d: %w", requests+1, err)
		}
		if set != "" {
			cookie = set
		}
	}
	return requests, nil
}

// view requests the page once and returns the cookie that it sets.
func view(out io.Writer, in *bufio.Reader, cookie string) (string, error) {
	header := ""
	if cookie != "" {
		header = "Cookie: " + cookie + "\r\n"
	}
	if _, err := io.WriteString(out, "GET / HTTP/1.1\r\nHost: localhost\r\n"+header+"\r\n"); err != nil {
		return "", err
	}
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return "", err
	}
	if r.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the page answered %s", r.Status)
	}
	return cookiePair(r.Header.Get("Set-Cookie")), nil
}
