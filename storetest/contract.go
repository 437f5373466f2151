package storetest

// The sentences of the contract, as they stand in the doc comments of
// holdfast.Store, Loader and Matcher. A test keeps the two alike.
const (
	saysAnyBytes     = "IDs are 1 to cache.MaxIDLen bytes of any content, and values any bytes."
	saysNoReference  = "The store keeps no reference to what it is given, nor to what it returns."
	saysSet          = "Set stores value under id for ttl, which is positive."
	saysAppend       = "Append appends the value under id to dst, and reports whether there is one."
	saysUse          = "It counts as a use, if the store evicts by use."
	saysPeek         = "Peek is Append without counting as a use."
	saysTouch        = "Touch gives an entry a new ttl; a ttl of 0 or less ends it."
	saysTouchReports = "It reports false if there is no such entry any more, true if the store cannot tell, and never brings one back."
	saysAtomic       = "Update is atomic: between what its function sees and the change that it returns, no other write to id takes place."
	saysOld          = "The function sees the value, and no bytes where there is none, which are its own until it returns."
	saysFunction     = "It may be called again with a newer value, and may call the store, for the same id too."
	saysFailure      = "Its error is returned as it is, with nothing changed, and a panic of it changes nothing either."
	saysGone         = "An entry is gone from all methods once its ttl is over, and after Update removed it; nothing but Set and Put make one."
	saysConcurrent   = "All methods are safe for concurrent use."
	saysErrors       = "Set and Update return an error when the store cannot do what they say; it contains no ID and no value."
	saysLoad         = "Load is Append with an error, which becomes the response's: while the store is away nobody gets a new session in place of the one that cannot be read."
	saysMatching     = "Matching iterates over the entries whose value begins with prefix, in any order; the entries are the caller's own and tell their ttl and how long they were idle."
	saysMatchingBody = "The loop's body may call the store."
	saysMatchingUse  = "Being found counts as no use of any entry."
)
