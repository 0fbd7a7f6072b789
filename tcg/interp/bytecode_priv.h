/*
 * The interpreter's byte code: 16-byte operations on a file of 64-bit cells.
 *
 * A value of type I32 or F32 is kept zero-extended in its cell.  Constants are the right operand of
 * the *i forms, or come from `konst`.  Nothing in the code depends on the CPU that runs it, so all
 * vCPUs share it.
 */
#ifndef TCG_INTERP_BYTECODE_PRIV_H
#define TCG_INTERP_BYTECODE_PRIV_H

#include "tcg/backend.h"
#include "tcg/ir_priv.h"

struct bc {
    uint16_t op;      /* enum bc_op */
    uint16_t d, a, b; /* cells: result and operands */
    union {
        uint64_t imm;
        struct {
            uint32_t attr;
            union {
                uint32_t x;
                struct {
                    uint16_t c, e; /* third and fourth operands */
                };
            };
        };
    };
};

/* clang-format off */
/* Integer ops of two operands: each has forms _64 _32 and, with a constant on the right, _64i _32i. */
#define BC_BINARY(X) \
    X(add) X(sub) X(mul) X(mulhu) X(mulhs) X(divs) X(divu) X(rems) X(remu) X(and) X(or) X(xor) X(andn) \
    X(shl) X(shr) X(sar) X(rotl) X(rotr)
/* Of one operand: forms _64 _32. */
#define BC_UNARY(X) X(not) X(neg) X(clz) X(ctz) X(popcnt) X(bswap) X(sext8) X(sext16) X(zext8) X(zext16)
/* The rest that fall through to the next operation. */
#define BC_PLAIN(X) \
    X(mov) X(konst) X(sext32) X(trunc) X(extract) X(sextract_64) X(sextract_32) X(deposit) X(setcond) X(select) \
    X(flags) X(flags_fcmp) X(eflags) \
    X(fp) X(fsgnj_64) X(fsgnj_32) X(fsgnjn_64) X(fsgnjn_32) X(fsgnjx_64) X(fsgnjx_32) X(box32) X(unbox32) \
    X(get_64) X(get_32) X(set_64) X(set_32) X(env_ld) X(env_st) X(vec) X(vfp) X(ssef) X(konst_v) X(select_v) \
    X(x87) X(x87_ld) X(x87_st) X(get_128) X(set_128) X(ld_128) X(st_128) X(ld) X(st) X(atomic) X(cas) X(fence)
/* Those that go elsewhere. */
#define BC_CONTROL(X) \
    X(call) X(br) X(brcond) X(exit_if) X(exit_jump) X(exit_ind) X(exit_lookup) X(exit_main) X(poll)

#define BC_ENUM_BINARY(n) BC_##n##_64, BC_##n##_32, BC_##n##_64i, BC_##n##_32i,
#define BC_ENUM_UNARY(n)  BC_##n##_64, BC_##n##_32,
#define BC_ENUM(n)        BC_##n,
enum bc_op { BC_BINARY(BC_ENUM_BINARY) BC_UNARY(BC_ENUM_UNARY) BC_PLAIN(BC_ENUM) BC_CONTROL(BC_ENUM) BC_COUNT };
/* clang-format on */

enum {
    BC_MAX_CELLS = IR_MAX_OPS + 8,
    BC_VEC_CELL = 1 << 15, /* this cell is one of vectors */
    BC_VEC_SHIFT = 24,     /* vec: enum ir_opc above the attribute */
    BC_CC_32 = 16,         /* with a comparison: of 32-bit operands */
    BC_TYPE_32 = 1 << 16,  /* with a memop: the IR type is 32 bits wide */
    BC_OPC_SHIFT = 20,     /* atomic: enum ir_opc above the memop */
};

/* The attr word of BC_fp: op, operand type, result type, the op's attribute (comparison for fcmp).
 */
static inline uint32_t bc_fp_word(unsigned opc, unsigned type, unsigned result, unsigned attr)
{
    return opc | type << 8 | result << 12 | attr << 16;
}

/* Where guest instructions begin in a unit's code. */
struct bc_mark {
    uint32_t off, word;
    uint64_t pc;
};

/* run.c */
/* move: what to add to every pc in the code. */
struct tcg_exit bc_run(uint8_t *cpu, const struct bc *p, uint64_t move);
bool bc_setup(const struct tcg_layout *layout);
/* lower.c */
bool bc_lower(struct ir *ir, struct codebuf *cb, struct host_code *out, const char **why);
/* fp.c: one flag-raising op under env->guest_mxcsr. */
uint64_t bc_fp(struct tcg_env *env, const struct tcg_callbacks *cb, uint32_t word,
               const uint64_t arg[3]);
union ir_vec bc_vfp(struct tcg_env *env, const struct tcg_callbacks *cb, unsigned opc,
                    uint32_t attr, const union ir_vec arg[3]);
/* fp.c: the host's FP control word, for callbacks that restore it; 0 where there is none. */
uint32_t bc_fp_control(void);
/* mem.c: guest memory.  ra is reported to the slow paths. */
uint64_t bc_load(uint8_t *cpu, const struct tcg_callbacks *cb, uint64_t addr, uint32_t mo,
                 uintptr_t ra);
void bc_store(uint8_t *cpu, const struct tcg_callbacks *cb, uint64_t addr, uint64_t val,
              uint32_t mo, uintptr_t ra);
union ir_vec bc_load_128(uint8_t *cpu, const struct tcg_callbacks *cb, uint64_t addr, uint32_t mo,
                         uintptr_t ra);
void bc_store_128(uint8_t *cpu, const struct tcg_callbacks *cb, uint64_t addr,
                  const union ir_vec *val, uint32_t mo, uintptr_t ra);
uint64_t bc_atomic(uint8_t *cpu, const struct tcg_callbacks *cb, const uint64_t arg[2],
                   uint32_t mo_op, uintptr_t ra);
uint64_t bc_cas(uint8_t *cpu, const struct tcg_callbacks *cb, const uint64_t arg[3], uint32_t mo,
                uintptr_t ra);

#endif
