package storetest

// rule is a sentence in the doc comments of holdfast.Store and of the
// ReadModes, and the harm to the users of a site if a store breaks it. A test
// compares the sentences.
type rule struct{ text, harm string }

var (
	ruleAnyBytes = rule{"IDs are 1 to cache.MaxIDLen bytes of any content, and values any bytes.",
		"one user would get another user's session, or a damaged one"}
	ruleNoReference = rule{"The store keeps no reference to its arguments or to its results.",
		"programs use buffers again, so another user's data would appear in this session"}
	ruleOwnWrites = rule{"The value is never older than a write that this process has completed.",
		"the next request would not see a change that was answered with success"}
	ruleUse = rule{"ReadUse counts as a use, if the store evicts by use.",
		"an active session would look idle: evicted first, and listed as unused"}
	ruleLocalCopy = rule{"It may return a local copy, which is a little older than the store's value: it may still find an entry that another process has removed.",
		"a user would stay logged in on other servers for too long"}
	rulePeek     = rule{"ReadPeek is ReadUse without counting as a use.", looksActive}
	ruleFreshUse = rule{"It does not count as a use.", looksActive}
	ruleScanUse  = rule{"Scanning does not count as a use.", looksActive}
	ruleFresh    = rule{"ReadFresh returns the value that the store has now, not a local copy.",
		"a session ended by its user would be reloaded elsewhere"}
	ruleSet = rule{"Set stores value under id for ttl, which is positive.",
		"users would be logged out too early, and stolen sessions would never time out"}
	ruleTouch = rule{"Touch gives an entry a new ttl; a ttl of 0 or less ends it.",
		"users would be logged out too early, or a session past its lifetime would go on"}
	ruleTouchReports = rule{"It reports false if there is no such entry, true if the store cannot tell, and never brings an entry back.",
		"a request that is still running would log in again a user who logged out"}
	ruleAtomic = rule{"Update is atomic: no other write to id takes place between the value that its function sees and the change that the function returns.",
		"a request would undo another's change, or log in again a user who logged out"}
	ruleOld = rule{"The function owns old until it returns; old is empty if found is false.",
		"a change that the function builds in place and then drops would be stored"}
	ruleFunction = rule{"It may be called again with a newer value, and may call the store, for the same id too.", deadlock}
	ruleFailure  = rule{"If it returns an error, Update returns that unchanged and stores nothing.",
		"a request that failed would still change the session or end it"}
	rulePanic = rule{"If it panics, Update stores nothing.",
		"net/http survives a handler's panic, which would change the session or lock it"}
	ruleScan       = rule{"ScanValues iterates over the entries whose value begins with prefix, in any order.", notEnded}
	ruleScanAll    = rule{"It finds every entry that exists from its beginning to its end, and reads no local copies.", notEnded}
	ruleScanFields = rule{"Each has its ID, value, ttl and idle time.", "users would see a wrong end of their sessions"}
	ruleScanBody   = rule{"The loop's body may call the store.", deadlock}
	ruleScanError  = rule{"An error is yielded last.", "a user who ends all sessions would leave some, without an error"}
	ruleWatch      = rule{"Watch calls changed when another process may have written or removed the entry under id since this process has read it, until stop is called.",
		"a stream would go on after its user logged out elsewhere"}
	ruleWatchStop = rule{"It may call changed in any goroutine and at any time, but not after stop has returned.",
		"a call would use memory of a request that has returned"}
	ruleNow     = rule{"Now returns the store's time, and never waits.", "users would be logged out too early or too late"}
	ruleNowSame = rule{"It is the same in all processes, to about a second.", "users would be logged out too early or too late"}
	ruleEnd     = rule{"No method finds an entry after its ttl, or after Update removed it.",
		"a session that timed out or was ended on a public computer would be open to the next person"}
	ruleMakers      = rule{"Only Set and Put make an entry.", "an attacker could choose a session ID (session fixation)"}
	ruleConcurrent  = rule{"All methods are safe for concurrent use.", "a user would get a damaged session, or another user's"}
	ruleContext     = rule{"A method whose context ends returns soon, and its error wraps the context's or ErrUnavailable.", storeAway}
	ruleUnavailable = rule{"If the store cannot be reached or is closed, the error wraps ErrUnavailable, and a write may or may not have been carried out.", storeAway}
	ruleSecrets     = rule{"No error contains an ID or a value.", "a reader of a log could take over the session, and values are private"}
)

const (
	looksActive = "a user who left hours ago would look active"
	deadlock    = "a store that waits for its own lock hangs the request and all later ones"
	notEnded    = "a user who ends all sessions would leave the thief's session, or end another user's"
	storeAway   = "users would look like strangers and lose their sessions to new ones"
)
