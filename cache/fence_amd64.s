//go:build !race

#include "textflag.h"

// func fence()
TEXT ·fence(SB), NOSPLIT, $0-0
	RET

// func fenceStores()
TEXT ·fenceStores(SB), NOSPLIT, $0-0
	SFENCE
	RET

// func storeRelease(word *uint64, value uint64)
TEXT ·storeRelease(SB), NOSPLIT, $0-16
	MOVQ word+0(FP), AX
	MOVQ value+8(FP), CX
	MOVQ CX, (AX)
	RET
