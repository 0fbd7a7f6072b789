/*
 * The slots of RISC-V state, and which of them stay in host registers across units.
 *
 * Pins are the calling convention between units: pin n of a class is its n-th host register.  They
 * follow how often compiled code names a register: the first arguments, then sp and the first saved
 * ones.
 */
#include "target/riscv/cpu.h"
#include "tcg/ir.h"

#define X(n, slot_name, slot_pin)                                                                  \
    [RV_SLOT_X1 + (n)-1] = {                                                                       \
        .name = slot_name, .type = I64, .pin = slot_pin, .off = offsetof(struct rv_cpu, x[n])}
#define F(n, slot_name, slot_pin)                                                                  \
    [RV_SLOT_F0 + (n)] = {                                                                         \
        .name = slot_name, .type = F64, .pin = slot_pin, .off = offsetof(struct rv_cpu, f[n])}
#define S(slot, field) [slot] = {.name = #field, .type = I64, .off = offsetof(struct rv_cpu, field)}

/* clang-format off */
const struct ir_slot rv_slots[RV_SLOTS] = {
    X(1, "ra", 0),   X(2, "sp", 4),   X(3, "gp", 0),   X(4, "tp", 0),
    X(5, "t0", 0),   X(6, "t1", 0),   X(7, "t2", 0),   X(8, "s0", 5),
    X(9, "s1", 9),   X(10, "a0", 2),  X(11, "a1", 7),  X(12, "a2", 8),
    X(13, "a3", 6),  X(14, "a4", 3),  X(15, "a5", 1),  X(16, "a6", 0),
    X(17, "a7", 0),  X(18, "s2", 0),  X(19, "s3", 0),  X(20, "s4", 0),
    X(21, "s5", 0),  X(22, "s6", 0),  X(23, "s7", 0),  X(24, "s8", 0),
    X(25, "s9", 0),  X(26, "s10", 0), X(27, "s11", 0), X(28, "t3", 0),
    X(29, "t4", 0),  X(30, "t5", 0),  X(31, "t6", 0),
    F(0, "ft0", 7),  F(1, "ft1", 0),  F(2, "ft2", 0),  F(3, "ft3", 0),
    F(4, "ft4", 0),  F(5, "ft5", 0),  F(6, "ft6", 0),  F(7, "ft7", 0),
    F(8, "fs0", 8),  F(9, "fs1", 0),  F(10, "fa0", 4), F(11, "fa1", 6),
    F(12, "fa2", 5), F(13, "fa3", 3), F(14, "fa4", 2), F(15, "fa5", 1),
    F(16, "fa6", 0), F(17, "fa7", 0), F(18, "fs2", 0), F(19, "fs3", 0),
    F(20, "fs4", 0), F(21, "fs5", 0), F(22, "fs6", 0), F(23, "fs7", 0),
    F(24, "fs8", 0), F(25, "fs9", 0), F(26, "fs10", 0), F(27, "fs11", 0),
    F(28, "ft8", 0), F(29, "ft9", 0), F(30, "ft10", 0), F(31, "ft11", 0),
    S(RV_SLOT_PC, pc), S(RV_SLOT_RES_ADDR, res_addr), S(RV_SLOT_RES_VAL, res_val),
};
/* clang-format on */
