/*
 * The slots of Arm state, and which of them stay in host registers across units.
 *
 * Pins are the calling convention between units: pin n of a class is its n-th host register.  They
 * follow how often compiled code names a register: the first arguments, the stack pointer, what
 * compilers use as temporaries, the first saved ones.  A processor without AArch64 has pins of its
 * own: most T16 instructions can name r0 to r7 only.
 */
#include "target/arm/cpu.h"
#include "tcg/ir.h"

#define X(n, pin64, pin32)                                                                         \
    [ARM_SLOT_X0 + (n)] = {.name = "x" #n,                                                         \
                           .type = I64,                                                            \
                           .pin = IS32 ? (pin32) : (pin64),                                        \
                           .off = offsetof(struct arm_cpu, x[n])}
#define V(n)                                                                                       \
    [ARM_SLOT_V0 + (n)] = {.name = "v" #n, .type = V128, .off = offsetof(struct arm_cpu, v[n])}
#define S(slot, slot_type, field)                                                                  \
    [slot] = {.name = #field, .type = slot_type, .off = offsetof(struct arm_cpu, field)}

/* clang-format off */
#define SLOTS {                                                                                    \
    X(0, 1, 1), X(1, 2, 2), X(2, 3, 3), X(3, 4, 4), X(4, 6, 6), X(5, 0, 7),                        \
    X(6, 0, 8), X(7, 0, 9), X(8, 0, 0), X(9, 0, 0), X(10, 0, 0), X(11, 0, 0),                      \
    X(12, 0, 0), X(13, 0, 5), X(14, 0, 0), X(15, 0, 0), X(16, 0, 0), X(17, 0, 0),                  \
    X(18, 0, 0), X(19, 7, 0), X(20, 8, 0), X(21, 9, 0), X(22, 0, 0), X(23, 0, 0),                  \
    X(24, 0, 0), X(25, 0, 0), X(26, 0, 0), X(27, 0, 0), X(28, 0, 0), X(29, 0, 0),                  \
    X(30, 0, 0),                                                                                   \
    [ARM_SLOT_SP] = {                                                                              \
        .name = "sp", .type = I64, .pin = IS32 ? 0 : 5, .off = offsetof(struct arm_cpu, x[31])},   \
    S(ARM_SLOT_PC, I64, pc), S(ARM_SLOT_FLAGS, I32, flags),                                        \
    S(ARM_SLOT_EXCL_ADDR, I64, excl_addr), S(ARM_SLOT_EXCL_VAL, I64, excl_val),                    \
    S(ARM_SLOT_EXCL_HIGH, I64, excl_high), S(ARM_SLOT_INSNS, I64, insns),                                                         \
    S(ARM_SLOT_QC, I32, qc), S(ARM_SLOT_QF, I32, qf), S(ARM_SLOT_GE, I32, ge),                     \
    V(0), V(1), V(2), V(3), V(4), V(5), V(6), V(7),                                                \
    V(8), V(9), V(10), V(11), V(12), V(13), V(14), V(15),                                          \
    V(16), V(17), V(18), V(19), V(20), V(21), V(22), V(23),                                        \
    V(24), V(25), V(26), V(27), V(28), V(29), V(30), V(31),                                        \
}

#define IS32 0
const struct ir_slot arm_slots[ARM_SLOTS] = SLOTS;
#undef IS32
#define IS32 1
const struct ir_slot arm32_slots[ARM_SLOTS] = SLOTS;
/* clang-format on */
