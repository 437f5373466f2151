package storetest

// The sentences of the contract, as they stand in the doc comments of
// holdfast.Store, Loader and Scanner. A test keeps the two alike.
const (
	saysAnyBytes     = "IDs are 1 to cache.MaxIDLen bytes of any content, and values any bytes."
	saysNoReference  = "The store keeps no reference to its arguments or to its results."
	saysSet          = "Set stores value under id for ttl, which is positive."
	saysAppend       = "Append appends the value under id to dst, and reports whether there is one."
	saysUse          = "It counts as a use, if the store evicts by use."
	saysPeek         = "Peek is Append without counting as a use."
	saysTouch        = "Touch gives an entry a new ttl; a ttl of 0 or less ends it."
	saysTouchReports = "It reports false if there is no such entry, true if the store cannot tell, and never brings an entry back."
	saysAtomic       = "Update is atomic: no other write to id takes place between the value that its function sees and the change that the function returns."
	saysOld          = "The function owns the value until it returns; without an entry there are no bytes."
	saysFunction     = "It may be called again with a newer value, and may call the store, for the same id too."
	saysFailure      = "Its error is returned unchanged, and nothing is stored; nor is anything if it panics."
	saysGone         = "No method finds an entry after its ttl, or after Update removed it."
	saysOnlyMakers   = "Only Set and Put make an entry."
	saysConcurrent   = "All methods are safe for concurrent use."
	saysErrors       = "Set and Update return an error if the store cannot do what was asked; it contains no ID and no value."
	saysLoad         = "Load is Append with an error."
	saysScan         = "ScanValues iterates over the entries whose value begins with prefix, in any order; the caller owns the entries, and they have their ttl and how long they were idle."
	saysScanBody     = "The loop's body may call the store."
	saysScanUse      = "Scanning is no use of an entry."
)
