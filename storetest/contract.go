package storetest

// The rules of the contract: the sentences in the doc comments of
// holdfast.Store, Loader and Scanner. A test compares both.
const (
	ruleAnyBytes     = "IDs are 1 to cache.MaxIDLen bytes of any content, and values any bytes."
	ruleNoReference  = "The store keeps no reference to its arguments or to its results."
	ruleSet          = "Set stores value under id for ttl, which is positive."
	ruleAppend       = "Append appends the value under id to dst, and reports whether there is one."
	ruleUse          = "It counts as a use, if the store evicts by use."
	rulePeek         = "Peek is Append without counting as a use."
	ruleTouch        = "Touch gives an entry a new ttl; a ttl of 0 or less ends it."
	ruleTouchReports = "It reports false if there is no such entry, true if the store cannot tell, and never brings an entry back."
	ruleAtomic       = "Update is atomic: no other write to id takes place between the value that its function sees and the change that the function returns."
	ruleOld          = "The function owns old until it returns; old is empty if found is false."
	ruleFunction     = "It may be called again with a newer value, and may call the store, for the same id too."
	ruleFailure      = "If it returns an error, Update returns that unchanged and stores nothing."
	rulePanic        = "If it panics, Update stores nothing."
	ruleEnd          = "No method finds an entry after its ttl, or after Update removed it."
	ruleMakers       = "Only Set and Put make an entry."
	ruleConcurrent   = "All methods are safe for concurrent use."
	ruleErrors       = "Set and Update return an error if the store cannot do it; the error contains no ID and no value."
	ruleLoad         = "Load is Append with an error."
	ruleScan         = "ScanValues iterates over the entries whose value begins with prefix, in any order."
	ruleScanFields   = "Each has its ID, value, ttl and idle time."
	ruleScanBody     = "The loop's body may call the store."
	ruleScanIdle     = "Scanning does not count as a use."
)
