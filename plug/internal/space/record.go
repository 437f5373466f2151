package space

// A record is a state, one byte, and a live session's data after it.

const (
	stateLive  byte = 1
	stateEnded byte = 2
)

var endedRecord = []byte{stateEnded}

func newRecord(data []byte) []byte {
	record := make([]byte, 1+len(data))
	record[0] = stateLive
	copy(record[1:], data)
	return record
}

// dataOf returns the data in a record of a live session, sharing its memory.
// No record, as of a session that is not there, is not live.
func dataOf(record []byte) (data []byte, live bool) {
	if !isLive(record) {
		return nil, false
	}
	return record[1:], true
}

func isLive(record []byte) bool  { return len(record) > 0 && record[0] == stateLive }
func isEnded(record []byte) bool { return len(record) > 0 && record[0] == stateEnded }
