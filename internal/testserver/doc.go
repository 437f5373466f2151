// Package testserver starts real servers for tests, benchmarks and examples:
// Redis, Valkey, PostgreSQL and Prometheus.
//
//	server := testserver.Run(t, testserver.Redis, "maxmemory 64mb")
//	client := redis.NewClient(server.Addr())
//
// Each server has a loopback port and a temporary folder of its own, and keeps
// both when it starts again. It ends with the process that started it, even if
// that process is killed: immediately on Linux; on other systems only if Close
// is called. The folder is removed in both cases, if the system has sh.
//
// Start and the other functions that return errors are for programs. Run and
// the other functions with a testing.TB are for tests.
package testserver
