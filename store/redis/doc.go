// Package redisstore keeps sessions in Redis or Valkey, with local copies in
// this process.
package redisstore
