package space

// A record is a state byte, followed by the data if the session is live. A
// tombstone has no data.

const (
	stateLive      byte = 1
	stateTombstone byte = 2
)

var tombstone = []byte{stateTombstone}

func newRecord(data []byte) []byte {
	record := make([]byte, 1+len(data))
	record[0] = stateLive
	copy(record[1:], data)
	return record
}

// dataOf returns the data of a live record. It shares the record's memory. A
// nil record, which means that the cache has no entry, is not live.
func dataOf(record []byte) (data []byte, live bool) {
	if !isLive(record) {
		return nil, false
	}
	return record[1:], true
}

func isLive(record []byte) bool      { return len(record) > 0 && record[0] == stateLive }
func isTombstone(record []byte) bool { return len(record) > 0 && record[0] == stateTombstone }
