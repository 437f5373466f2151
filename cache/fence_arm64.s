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
