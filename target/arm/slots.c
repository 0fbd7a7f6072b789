/*
 * The slots of Arm state, and which of them stay in host registers across units.
 *
 * Pins are the calling convention between units: pin n of a class is its n-th host register.  They
 * follow how often compiled code names a register: the first arguments, the stack pointer, what
 * compilers use as temporaries, the first saved ones.
 */
#include "target/arm/cpu.h"
#include "tcg/ir.h"

#define X(n, slot_pin)                                                                             \
    [ARM_SLOT_X0 + (n)] = {                                                                        \
        .name = "x" #n, .type = I64, .pin = slot_pin, .off = offsetof(struct arm_cpu, x[n])}
#define V(n, slot_pin)                                                                             \
    [ARM_SLOT_V0 + (n)] = {                                                                        \
        .name = "v" #n, .type = V128, .pin = slot_pin, .off = offsetof(struct arm_cpu, v[n])}
#define S(slot, slot_type, field)                                                                  \
    [slot] = {.name = #field, .type = slot_type, .off = offsetof(struct arm_cpu, field)}

/* clang-format off */
const struct ir_slot arm_slots[ARM_SLOTS] = {
    X(0, 1),  X(1, 2),  X(2, 3),  X(3, 4),  X(4, 6),  X(5, 0),  X(6, 0),  X(7, 0),
    X(8, 0),  X(9, 0),  X(10, 0), X(11, 0), X(12, 0), X(13, 0), X(14, 0), X(15, 0),
    X(16, 0), X(17, 0), X(18, 0), X(19, 7), X(20, 8), X(21, 9), X(22, 0), X(23, 0),
    X(24, 0), X(25, 0), X(26, 0), X(27, 0), X(28, 0), X(29, 0), X(30, 0),
    [ARM_SLOT_SP] = {.name = "sp", .type = I64, .pin = 5, .off = offsetof(struct arm_cpu, x[31])},
    S(ARM_SLOT_PC, I64, pc), S(ARM_SLOT_FLAGS, I32, flags),
    S(ARM_SLOT_EXCL_ADDR, I64, excl_addr), S(ARM_SLOT_EXCL_VAL, I64, excl_val),
    S(ARM_SLOT_EXCL_HIGH, I64, excl_high),
    S(ARM_SLOT_QC, I32, qc), S(ARM_SLOT_QF, I32, qf), S(ARM_SLOT_GE, I32, ge),
    V(0, 0),  V(1, 0),  V(2, 0),  V(3, 0),  V(4, 0),  V(5, 0),  V(6, 0),  V(7, 0),
    V(8, 0),  V(9, 0),  V(10, 0), V(11, 0), V(12, 0), V(13, 0), V(14, 0), V(15, 0),
    V(16, 0), V(17, 0), V(18, 0), V(19, 0), V(20, 0), V(21, 0), V(22, 0), V(23, 0),
    V(24, 0), V(25, 0), V(26, 0), V(27, 0), V(28, 0), V(29, 0), V(30, 0), V(31, 0),
};
/* clang-format on */
