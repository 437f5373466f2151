#include "textflag.h"

// func prefetchBucket(b *bucket)
TEXT ·prefetchBucket(SB), NOSPLIT, $0-8
	MOVD b+0(FP), R0
	PRFM (R0), PLDL1KEEP
	RET

// func prefetchRecord(r *record)
TEXT ·prefetchRecord(SB), NOSPLIT, $0-8
	MOVD r+0(FP), R0
	PRFM (R0), PLDL1KEEP
	PRFM 64(R0), PLDL1KEEP
	PRFM 128(R0), PLDL1KEEP
	PRFM 192(R0), PLDL1KEEP
	PRFM 256(R0), PLDL1KEEP
	RET

// func prefetchHeader(r *record)
TEXT ·prefetchHeader(SB), NOSPLIT, $0-8
	MOVD r+0(FP), R0
	PRFM (R0), PLDL1KEEP
	PRFM 64(R0), PLDL1KEEP
	RET
