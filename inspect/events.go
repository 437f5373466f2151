package inspect

import "github.com/holdfast-go/holdfast"

// eventRows are the rows of the table of events. A rare row is shown once it
// has happened.
var eventRows = [...]struct {
	name string
	rare bool
	read func(*holdfast.Stats) uint64
}{
	{"Sessions begun", false, func(s *holdfast.Stats) uint64 { return s.Created }},
	{"Logins", false, func(s *holdfast.Stats) uint64 { return s.LoggedIn }},
	{"Logouts", false, func(s *holdfast.Stats) uint64 {
		return s.Ended[holdfast.ReasonLogout] + s.Ended[holdfast.ReasonEndOthers]
	}},
	{"Ended by an operator", true, func(s *holdfast.Stats) uint64 {
		return s.Ended[holdfast.ReasonEnd] + s.Ended[holdfast.ReasonEndUser] + s.Ended[holdfast.ReasonEndEveryone]
	}},
	{"Ended by a login of somebody else", true, func(s *holdfast.Stats) uint64 { return s.Ended[holdfast.ReasonLogin] }},
	{"Requests too late: the session had ended", false, func(s *holdfast.Stats) uint64 {
		return s.Refused[holdfast.ReasonUnknown] + s.Refused[holdfast.ReasonReplaced]
	}},
	{"Requests with a forged or broken ID", true, func(s *holdfast.Stats) uint64 {
		return s.Refused[holdfast.ReasonMalformed] + s.Refused[holdfast.ReasonSignature]
	}},
	{"Changes made again after another request", true, func(s *holdfast.Stats) uint64 { return s.Conflicts }},
	{"Changes dropped: the session had ended", true, func(s *holdfast.Stats) uint64 { return s.ChangesDropped }},
	{"Failed: the database did not answer", true, func(s *holdfast.Stats) uint64 { return s.StoreUnavailable }},
	{"Failed: the store refused", true, func(s *holdfast.Stats) uint64 { return s.StoreRefused }},
	{"Failed: the session was damaged", true, func(s *holdfast.Stats) uint64 { return s.Damaged }},
}
