#include "go_asm.h"
#include "textflag.h"

// func publish(c *Cell, generation uint32, value int64, revision uint64)
TEXT ·publish(SB), NOSPLIT, $0-32
	MOVQ c+0(FP), AX
	MOVL generation+8(FP), BX
	MOVQ value+16(FP), CX
	MOVQ revision+24(FP), DX
	MOVL Cell_lock(AX), SI
	INCL SI
	MOVL SI, Cell_lock(AX)
	MOVL BX, Cell_generation(AX)
	MOVQ CX, Cell_value(AX)
	MOVQ DX, Cell_revision(AX)
	INCL SI
	MOVL SI, Cell_lock(AX)
	RET
