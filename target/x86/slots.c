/*
 * The slots of x86 state, and which of them stay in host registers across units: the eight
 * general and eight vector registers that every mode has.
 */
#include "target/x86/cpu.h"

#define R(n, slot_name)                                                                            \
    [X86_SLOT_RAX + (n)] = {.name = slot_name,                                                     \
                            .type = I64,                                                           \
                            .pin = (n) < 8 ? (n) + 1 : 0,                                          \
                            .off = offsetof(struct x86_cpu, r[n])}
#define S(slot, slot_type, field)                                                                  \
    [slot] = {.name = #field, .type = slot_type, .off = offsetof(struct x86_cpu, field)}
#define A(slot, slot_name, slot_type, field, n)                                                    \
    [(slot) + (n)] = {                                                                             \
        .name = slot_name #n, .type = slot_type, .off = offsetof(struct x86_cpu, field[n])}
#define A8(slot, slot_name, slot_type, field)                                                      \
    A(slot, slot_name, slot_type, field, 0), A(slot, slot_name, slot_type, field, 1),              \
        A(slot, slot_name, slot_type, field, 2), A(slot, slot_name, slot_type, field, 3),          \
        A(slot, slot_name, slot_type, field, 4), A(slot, slot_name, slot_type, field, 5),          \
        A(slot, slot_name, slot_type, field, 6), A(slot, slot_name, slot_type, field, 7)
#define P(n)                                                                                       \
    [X86_SLOT_XMM + (n)] = {.name = "xmm" #n,                                                      \
                            .type = V128,                                                          \
                            .pin = (n) < 8 ? (n) + 1 : 0,                                          \
                            .wide = V256,                                                          \
                            .off = offsetof(struct x86_cpu, ymm[n][0])}
#define H(n)                                                                                       \
    [X86_SLOT_YMMH + (n)] = {.name = "ymmh" #n,                                                    \
                             .type = V128,                                                         \
                             .wide = IR_WIDE_NONE,                                                 \
                             .off = offsetof(struct x86_cpu, ymm[n][1])}

/* clang-format off */
const struct ir_slot x86_slots[X86_SLOTS] = {
    R(0, "rax"), R(1, "rcx"), R(2, "rdx"), R(3, "rbx"), R(4, "rsp"), R(5, "rbp"), R(6, "rsi"), R(7, "rdi"),
    R(8, "r8"), R(9, "r9"), R(10, "r10"), R(11, "r11"), R(12, "r12"), R(13, "r13"), R(14, "r14"), R(15, "r15"),
    S(X86_SLOT_PC, I64, pc), S(X86_SLOT_CC, I32, cc), S(X86_SLOT_DF, I64, df),
    A(X86_SLOT_BASE, "base", I64, base, 0), A(X86_SLOT_BASE, "base", I64, base, 1), A(X86_SLOT_BASE, "base", I64, base, 2),
    A(X86_SLOT_BASE, "base", I64, base, 3), A(X86_SLOT_BASE, "base", I64, base, 4), A(X86_SLOT_BASE, "base", I64, base, 5),
    S(X86_SLOT_FTOP, I32, ftop), S(X86_SLOT_FTAG, I32, ftag), S(X86_SLOT_FSW, I32, fsw),
    A8(X86_SLOT_FMAN, "fman", I64, fman), A8(X86_SLOT_FEXP, "fexp", I32, fexp),
    S(X86_SLOT_FIP, I64, fip), S(X86_SLOT_FDP, I64, fdp), S(X86_SLOT_FOP, I32, fop), S(X86_SLOT_FCS, I32, fcs),
    S(X86_SLOT_FDS, I32, fds),
    P(0), P(1), P(2), P(3), P(4), P(5), P(6), P(7), P(8), P(9), P(10), P(11), P(12), P(13), P(14), P(15),
    H(0), H(1), H(2), H(3), H(4), H(5), H(6), H(7), H(8), H(9), H(10), H(11), H(12), H(13), H(14), H(15),
    A(X86_SLOT_VTMP, "vtmp", V128, vtmp, 0), A(X86_SLOT_VTMP, "vtmp", V128, vtmp, 1), A(X86_SLOT_VTMP, "vtmp", V128, vtmp, 2),
    A(X86_SLOT_VTMP, "vtmp", V128, vtmp, 3), A(X86_SLOT_VTMP, "vtmp", V128, vtmp, 4), A(X86_SLOT_VTMP, "vtmp", V128, vtmp, 5),
};
/* clang-format on */
