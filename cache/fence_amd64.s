//go:build !race

#include "textflag.h"

// func fence()
TEXT ·fence(SB), NOSPLIT, $0-0
	RET

// func fenceStores()
TEXT ·fenceStores(SB), NOSPLIT, $0-0
	SFENCE
	RET
