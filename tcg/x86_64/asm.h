/*
 * x86-64 instruction encoders: they know bytes and nothing else.
 * Ref: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2 (instruction formats,
 * opcode maps).
 */
#ifndef TCG_X86_64_ASM_H
#define TCG_X86_64_ASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
enum x86_reg {
    RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15,
    XMM0, XMM1, XMM2, XMM3, XMM4, XMM5, XMM6, XMM7,
    XMM8, XMM9, XMM10, XMM11, XMM12, XMM13, XMM14, XMM15,
    X86_NREGS,
    NO_REG = 0xff,
};
/* Condition codes as in Jcc, SETcc, CMOVcc. */
enum x86_cc {
    CC_O, CC_NO, CC_B, CC_AE, CC_E, CC_NE, CC_BE, CC_A, CC_S, CC_NS, CC_P, CC_NP, CC_L, CC_GE, CC_LE, CC_G
};
enum x86_alu { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };
enum x86_shift { SH_ROL, SH_ROR, SH_SHL = 4, SH_SHR, SH_SAR = 7 };
/* clang-format on */
enum x86_carry_op { CARRY_INVERT = 0xf5, CARRY_CLEAR = 0xf8, CARRY_SET = 0xf9 };

/* The one operand of an instruction that need not be a register. */
enum opnd_kind { OPND_REG, OPND_MEM, OPND_POOL, OPND_IMM };
struct opnd {
    uint8_t kind;
    uint8_t reg;   /* the register, or the base (NO_REG: none) */
    uint8_t index; /* NO_REG: none */
    uint8_t scale; /* log2 */
    int32_t disp;  /* displacement, offset into the constant pool, or the immediate */
};
static inline struct opnd opnd_reg(unsigned r)
{
    return (struct opnd){.kind = OPND_REG, .reg = r, .index = NO_REG};
}
static inline struct opnd opnd_mem(unsigned base, int32_t disp)
{
    return (struct opnd){.kind = OPND_MEM, .reg = base, .index = NO_REG, .disp = disp};
}
static inline struct opnd opnd_sib(unsigned base, unsigned index, unsigned scale, int32_t disp)
{
    return (struct opnd){
        .kind = OPND_MEM, .reg = base, .index = index, .scale = scale, .disp = disp};
}
static inline struct opnd opnd_pool(int32_t off)
{
    return (struct opnd){.kind = OPND_POOL, .reg = NO_REG, .index = NO_REG, .disp = off};
}
static inline struct opnd opnd_imm(int32_t v)
{
    return (struct opnd){.kind = OPND_IMM, .reg = NO_REG, .index = NO_REG, .disp = v};
}
static inline bool opnd_is_reg(struct opnd o, unsigned r)
{
    return o.kind == OPND_REG && o.reg == r;
}

/* Where code goes: the writable address, its distance to the executable one, and the constant
 * pool's executable address. */
struct x86_code {
    uint8_t *p;
    ptrdiff_t to_rx;
    const uint8_t *pool;
};

/*
 * An opcode: its last byte, and how to get there.  X_W is REX.W or VEX.W; X_B8REG and X_B8RM say
 * that the register or the r/m operand is a byte register, so that spl, bpl, sil and dil need a REX
 * prefix.
 */
enum x86_opcode {
    X_0F = 1 << 8,
    X_0F38 = 2 << 8,
    X_0F3A = 3 << 8,
    X_66 = 1 << 10,
    X_F3 = 2 << 10,
    X_F2 = 3 << 10,
    X_W = 1 << 12,
    X_B8REG = 1 << 13,
    X_B8RM = 1 << 14,
    X_LOCK = 1 << 15,
    X_L = 1 << 16, /* VEX.L: 256 bits */
};
/* X_W for 64-bit operations. */
static inline uint32_t x86_w(bool is64)
{
    return is64 ? X_W : 0;
}

/* Any instruction with a ModRM byte. rm: register, memory or pool. */
void x86_op(struct x86_code *c, uint32_t op, unsigned reg, struct opnd rm);
void x86_op_imm8(struct x86_code *c, uint32_t op, unsigned reg, struct opnd rm, uint8_t imm);
void x86_op_imm32(struct x86_code *c, uint32_t op, unsigned reg, struct opnd rm, uint32_t imm);
/* VEX form, of 128 bits (or LZ, LIG) without X_L; v is the second source. */
void x86_vex(struct x86_code *c, uint32_t op, unsigned reg, unsigned v, struct opnd rm);
void x86_vex_imm8(struct x86_code *c, uint32_t op, unsigned reg, unsigned v, struct opnd rm,
                  uint8_t imm);

/* --- moves --- */
void x86_mov(struct x86_code *c, bool w, unsigned d,
             struct opnd s); /* register, memory or imm; keeps flags */
void x86_mov_imm(struct x86_code *c, unsigned d, uint64_t v); /* shortest form; keeps flags */
void x86_zero(struct x86_code *c, unsigned d);                /* xor: clobbers flags */
void x86_store(struct x86_code *c, unsigned size_log2, struct opnd m, unsigned s);
void x86_store_imm(struct x86_code *c, unsigned size_log2, struct opnd m, int32_t v);
void x86_load(struct x86_code *c, unsigned size_log2, bool sign, bool w, unsigned d, struct opnd s);
void x86_lea(struct x86_code *c, bool w, unsigned d, struct opnd m);
void x86_xchg(struct x86_code *c, unsigned a, unsigned b);
void x86_push(struct x86_code *c, unsigned r);
void x86_pop(struct x86_code *c, unsigned r);
void x86_push_imm(struct x86_code *c, int32_t v);

/* --- arithmetic --- */
void x86_alu(struct x86_code *c, bool w, enum x86_alu op, struct opnd d, struct opnd s);
/* Bits of the low half of a, a register or memory. */
void x86_test_imm(struct x86_code *c, struct opnd a, uint32_t mask);
void x86_test(struct x86_code *c, bool w, unsigned a, unsigned b);
void x86_imul(struct x86_code *c, bool w, unsigned d, struct opnd s);
void x86_imul_imm(struct x86_code *c, bool w, unsigned d, struct opnd s, int32_t imm);
void x86_unary(struct x86_code *c, bool w, unsigned ext, struct opnd d); /* F7 /ext */
enum { UN_NOT = 2, UN_NEG, UN_MUL, UN_IMUL, UN_DIV, UN_IDIV };
void x86_lahf(struct x86_code *c);
void x86_carry(struct x86_code *c, enum x86_carry_op op);
void x86_cqo(struct x86_code *c, bool w);
void x86_shift_imm(struct x86_code *c, bool w, enum x86_shift op, struct opnd d, unsigned n);
void x86_shift_cl(struct x86_code *c, bool w, enum x86_shift op, unsigned d);
void x86_shiftx(struct x86_code *c, bool w, enum x86_shift op, unsigned d, struct opnd s,
                unsigned n);
void x86_rorx(struct x86_code *c, bool w, unsigned d, struct opnd s, unsigned n);
void x86_bswap(struct x86_code *c, bool w, unsigned d);
void x86_setcc(struct x86_code *c, enum x86_cc cc, unsigned d);
void x86_cmov(struct x86_code *c, bool w, enum x86_cc cc, unsigned d, struct opnd s);

/* --- control flow: rel32 forms return the address of the displacement, for x86_link --- */
uint8_t *x86_jmp(struct x86_code *c);
uint8_t *x86_jcc(struct x86_code *c, enum x86_cc cc);
void x86_jmp_to(struct x86_code *c, const uint8_t *rx);
void x86_jcc_to(struct x86_code *c, enum x86_cc cc, const uint8_t *rx);
void x86_call_to(struct x86_code *c, const uint8_t *rx);
void x86_jmp_ind(struct x86_code *c, struct opnd m);
void x86_call_reg(struct x86_code *c, unsigned r);
void x86_ret(struct x86_code *c, unsigned pop_bytes);
/* Make the displacement at field lead to here (the writable address target). */
void x86_link(uint8_t *field, const uint8_t *target);
/* n bytes of no operation. */
void x86_nop(struct x86_code *c, unsigned n);
/* Where the next instruction will run. */
static inline const uint8_t *x86_rx(const struct x86_code *c)
{
    return c->p + c->to_rx;
}

/* --- SSE --- */
void x86_fmov(struct x86_code *c, unsigned d, unsigned s, bool vex); /* whole register */
void x86_fload(struct x86_code *c, bool f64, unsigned d, struct opnd m,
               bool vex); /* zeroes the rest */
void x86_fstore(struct x86_code *c, bool f64, struct opnd m, unsigned s, bool vex);
/* All 16 bytes, at any address. */
void x86_fstore128(struct x86_code *c, struct opnd m, unsigned s, bool vex);
void x86_fload128(struct x86_code *c, unsigned d, struct opnd m, bool vex);
/* 256 bits: moves at any address; lower and upper halves together. */
void x86_fmov256(struct x86_code *c, unsigned d, unsigned s);
void x86_fload256(struct x86_code *c, unsigned d, struct opnd m);
void x86_fstore256(struct x86_code *c, struct opnd m, unsigned s);
void x86_vzeroupper(struct x86_code *c);
void x86_movq_from_gpr(struct x86_code *c, bool w, unsigned d, struct opnd s, bool vex);
void x86_movq_to_gpr(struct x86_code *c, bool w, unsigned d, unsigned s, bool vex);
void x86_stmxcsr(struct x86_code *c, struct opnd m);
void x86_ldmxcsr(struct x86_code *c, struct opnd m);

#endif
