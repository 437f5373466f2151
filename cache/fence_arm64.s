//go:build !race

#include "textflag.h"

// func fence()
TEXT ·fence(SB), NOSPLIT, $0-0
	DMB $0xb // ISH
	RET

// func fenceStores()
TEXT ·fenceStores(SB), NOSPLIT, $0-0
	DMB $0xa // ISHST
	RET

// func storeRelease(word *uint64, value uint64)
TEXT ·storeRelease(SB), NOSPLIT, $0-16
	MOVD word+0(FP), R0
	MOVD value+8(FP), R1
	STLR R1, (R0)
	RET
