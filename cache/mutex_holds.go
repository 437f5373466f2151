//go:build holdfast_holds && linux

package cache

import (
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// mutex measures each lock hold by the clock and by the thread's processor
// time. Processor time leaves out preemption and includes page faults.
type mutex struct {
	mu      sync.Mutex
	since   time.Time
	thread  int
	threads time.Duration
}

// holds are the lock holds since the latest reset.
var holds struct {
	count           atomic.Int64
	longest         atomic.Int64 // nanoseconds of processor time
	longestByClock  atomic.Int64
	beyondAHundred  atomic.Int64 // lock holds of more than 100 µs of processor time
	beyondAThousand atomic.Int64
}

func resetHolds() {
	holds.count.Store(0)
	holds.longest.Store(0)
	holds.longestByClock.Store(0)
	holds.beyondAHundred.Store(0)
	holds.beyondAThousand.Store(0)
}

func (m *mutex) Lock() {
	m.mu.Lock()
	m.since, m.thread, m.threads = time.Now(), syscall.Gettid(), threadTime()
}

func (m *mutex) Unlock() {
	took, byClock := threadTime()-m.threads, time.Since(m.since)
	if syscall.Gettid() != m.thread || took > byClock { // the goroutine moved to another thread
		took = byClock
	}
	m.mu.Unlock()
	holds.count.Add(1)
	raise(&holds.longest, int64(took))
	raise(&holds.longestByClock, int64(byClock))
	if took > 100*time.Microsecond {
		holds.beyondAHundred.Add(1)
	}
	if took > time.Millisecond {
		holds.beyondAThousand.Add(1)
	}
}

func raise(most *atomic.Int64, to int64) {
	for {
		was := most.Load()
		if to <= was || most.CompareAndSwap(was, to) {
			return
		}
	}
}

// threadTime returns the processor time of the current thread.
func threadTime() time.Duration {
	const clockThreadCPUTime = 3
	var t syscall.Timespec
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockThreadCPUTime, uintptr(unsafe.Pointer(&t)), 0)
	return time.Duration(t.Nano())
}
