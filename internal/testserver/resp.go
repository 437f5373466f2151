package testserver

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// A Conn is a connection to a Redis or Valkey server. It is for one goroutine
// at a time.
type Conn struct {
	conn net.Conn
	r    *bufio.Reader
}

func newConn(conn net.Conn) *Conn { return &Conn{conn, bufio.NewReader(conn)} }

// An Error is an error that the server replied.
type Error string

func (e Error) Error() string { return string(e) }

// Do sends one command and returns the reply: a string, an int64, a []any, or
// nil. An error reply is an Error, also within a []any. Do waits at most 30
// seconds. The connection is unusable after an error of another type.
func (c *Conn) Do(args ...string) (any, error) {
	var command strings.Builder
	fmt.Fprintf(&command, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&command, "$%d\r\n%s\r\n", len(arg), arg)
	}
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(c.conn, command.String()); err != nil {
		return nil, err
	}
	reply, err := c.read()
	if refused, ok := reply.(Error); ok {
		return nil, refused
	}
	return reply, err
}

// Close closes the connection.
func (c *Conn) Close() error { return c.conn.Close() }

func (c *Conn) read() (any, error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "" {
		return nil, errors.New("testserver: the server replied an empty line")
	}
	switch rest := line[1:]; line[0] {
	case '+':
		return rest, nil
	case '-':
		return Error(rest), nil
	case ':':
		return strconv.ParseInt(rest, 10, 64)
	case '$':
		n, err := strconv.Atoi(rest)
		if err != nil || n < 0 {
			return nil, err
		}
		text := make([]byte, n+len("\r\n"))
		_, err = io.ReadFull(c.r, text)
		return string(text[:n]), err
	case '*':
		n, err := strconv.Atoi(rest)
		if err != nil || n < 0 {
			return nil, err
		}
		list := make([]any, n)
		for i := range list {
			if list[i], err = c.read(); err != nil {
				return nil, err
			}
		}
		return list, nil
	default:
		return nil, fmt.Errorf("testserver: the server replied %q, which is not RESP2", line)
	}
}
