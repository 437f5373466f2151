#include "textflag.h"

// func prefetchBucket(b *bucket)
TEXT ·prefetchBucket(SB), NOSPLIT, $0-8
	MOVQ b+0(FP), AX
	PREFETCHT0 (AX)
	RET

// func prefetchRecord(r *record)
TEXT ·prefetchRecord(SB), NOSPLIT, $0-8
	MOVQ r+0(FP), AX
	PREFETCHT0 (AX)
	PREFETCHT0 64(AX)
	PREFETCHT0 128(AX)
	PREFETCHT0 192(AX)
	PREFETCHT0 256(AX)
	RET

// func prefetchHeader(r *record)
TEXT ·prefetchHeader(SB), NOSPLIT, $0-8
	MOVQ r+0(FP), AX
	PREFETCHT0 (AX)
	PREFETCHT0 64(AX)
	RET
