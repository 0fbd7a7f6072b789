/*
 * x86-64 instruction encoders.
 * Ref: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, chapter 2 and
 * appendix A.
 */
#include "tcg/x86_64/asm.h"

#include <string.h>

static inline void put8(struct x86_code *c, unsigned b)
{
    *c->p++ = b;
}

static inline void put32(struct x86_code *c, uint32_t v)
{
    memcpy(c->p, &v, 4);
    c->p += 4;
}

static inline bool fits8(int32_t v)
{
    return v == (int8_t)v;
}

/* --- ModRM, SIB, displacement --- */
static void put_address(struct x86_code *c, unsigned reg3, struct opnd m)
{
    if (m.reg == NO_REG) { /* index and disp32 only */
        put8(c, reg3 | 4);
        put8(c, m.scale << 6 | ((m.index == NO_REG ? RSP : m.index) & 7) << 3 | RBP);
        put32(c, m.disp);
        return;
    }
    unsigned base = m.reg & 7;
    unsigned mod = m.disp == 0 && base != RBP ? 0 : fits8(m.disp) ? 0x40 : 0x80;
    if (m.index != NO_REG || base == RSP) {
        put8(c, mod | reg3 | 4);
        put8(c, m.scale << 6 | ((m.index == NO_REG ? RSP : m.index) & 7) << 3 | base);
    } else {
        put8(c, mod | reg3 | base);
    }
    if (mod == 0x40)
        put8(c, m.disp);
    else if (mod)
        put32(c, m.disp);
}

/* tail: immediate bytes that follow, which a pool (RIP-relative) operand must count. */
static void put_modrm(struct x86_code *c, unsigned reg, struct opnd rm, unsigned tail)
{
    unsigned reg3 = (reg & 7) << 3;
    if (rm.kind == OPND_REG) {
        put8(c, 0xc0 | reg3 | (rm.reg & 7));
    } else if (rm.kind == OPND_POOL) {
        put8(c, reg3 | RBP);
        put32(c, (uint32_t)(c->pool + rm.disp - (x86_rx(c) + 4 + tail)));
    } else {
        put_address(c, reg3, rm);
    }
}

/* The X and B bits that the operand needs: 2 and 1. */
static unsigned rex_xb(struct opnd rm)
{
    unsigned b = rm.reg != NO_REG ? rm.reg >> 3 & 1 : 0;
    return rm.index != NO_REG ? b | (rm.index >> 3 & 1) << 1 : b;
}

static bool needs_byte_rex(unsigned r)
{
    return r >= RSP && r <= RDI;
}

static void put_op(struct x86_code *c, uint32_t op, unsigned reg, struct opnd rm, unsigned tail)
{
    static const uint8_t prefix[] = {0, 0x66, 0xf3, 0xf2};
    unsigned rex = (op & X_W ? 8 : 0) | (reg >> 3 & 1) << 2 | rex_xb(rm);
    if (((op & X_B8REG) && needs_byte_rex(reg)) ||
        ((op & X_B8RM) && rm.kind == OPND_REG && needs_byte_rex(rm.reg)))
        rex |= 0x40;
    if (op & X_LOCK)
        put8(c, 0xf0);
    if (op >> 10 & 3)
        put8(c, prefix[op >> 10 & 3]);
    if (rex)
        put8(c, 0x40 | rex);
    unsigned map = op >> 8 & 3;
    if (map)
        put8(c, 0x0f);
    if (map >= 2)
        put8(c, map == 2 ? 0x38 : 0x3a);
    put8(c, op);
    put_modrm(c, reg, rm, tail);
}

void x86_op(struct x86_code *c, uint32_t op, unsigned reg, struct opnd rm)
{
    put_op(c, op, reg, rm, 0);
}

void x86_op_imm8(struct x86_code *c, uint32_t op, unsigned reg, struct opnd rm, uint8_t imm)
{
    put_op(c, op, reg, rm, 1);
    put8(c, imm);
}

void x86_op_imm32(struct x86_code *c, uint32_t op, unsigned reg, struct opnd rm, uint32_t imm)
{
    put_op(c, op, reg, rm, 4);
    put32(c, imm);
}

/* X_66, X_F3, X_F2 are numbered like VEX.pp, and the maps like VEX.mmmmm. */
static void put_vex(struct x86_code *c, uint32_t op, unsigned reg, unsigned v, struct opnd rm,
                    unsigned tail)
{
    unsigned xb = rex_xb(rm), r = ~reg >> 3 & 1, pp = op >> 10 & 3, map = op >> 8 & 3;
    unsigned vv = (~v & 15) << 3 | (op & X_L ? 4 : 0);
    if (map == 1 && !xb && !(op & X_W)) {
        put8(c, 0xc5);
        put8(c, r << 7 | vv | pp);
    } else {
        put8(c, 0xc4);
        put8(c, r << 7 | (~xb & 3) << 5 | map);
        put8(c, (op & X_W ? 0x80 : 0) | vv | pp);
    }
    put8(c, op);
    put_modrm(c, reg, rm, tail);
}

void x86_vex(struct x86_code *c, uint32_t op, unsigned reg, unsigned v, struct opnd rm)
{
    put_vex(c, op, reg, v, rm, 0);
}

void x86_vex_imm8(struct x86_code *c, uint32_t op, unsigned reg, unsigned v, struct opnd rm,
                  uint8_t imm)
{
    put_vex(c, op, reg, v, rm, 1);
    put8(c, imm);
}

/* --- moves --- */
void x86_mov_imm(struct x86_code *c, unsigned d, uint64_t v)
{
    if (v == (uint32_t)v) {
        if (d & 8)
            put8(c, 0x41);
        put8(c, 0xb8 | (d & 7));
        put32(c, v);
    } else if ((int64_t)v == (int32_t)v) {
        x86_op_imm32(c, 0xc7 | X_W, 0, opnd_reg(d), v);
    } else {
        put8(c, 0x48 | d >> 3);
        put8(c, 0xb8 | (d & 7));
        memcpy(c->p, &v, 8);
        c->p += 8;
    }
}

void x86_mov(struct x86_code *c, bool w, unsigned d, struct opnd s)
{
    if (s.kind == OPND_IMM)
        x86_mov_imm(c, d, w ? (uint64_t)(int64_t)s.disp : (uint32_t)s.disp);
    else
        x86_op(c, 0x8b | x86_w(w), d, s);
}

void x86_zero(struct x86_code *c, unsigned d)
{
    x86_op(c, 0x31, d, opnd_reg(d));
}

void x86_store(struct x86_code *c, unsigned size_log2, struct opnd m, unsigned s)
{
    static const uint32_t op[] = {0x88 | X_B8REG, 0x89 | X_66, 0x89, 0x89 | X_W};
    x86_op(c, op[size_log2], s, m);
}

void x86_store_imm(struct x86_code *c, unsigned size_log2, struct opnd m, int32_t v)
{
    if (size_log2 == 0) {
        x86_op_imm8(c, 0xc6, 0, m, v);
    } else if (size_log2 == 1) {
        put_op(c, 0xc7 | X_66, 0, m, 2);
        put8(c, v);
        put8(c, v >> 8);
    } else {
        x86_op_imm32(c, 0xc7 | x86_w(size_log2 == 3), 0, m, v);
    }
}

/* Load or move with extension; s may be a register. */
void x86_load(struct x86_code *c, unsigned size_log2, bool sign, bool w, unsigned d, struct opnd s)
{
    if (size_log2 == 3 || (size_log2 == 2 && !(sign && w)))
        x86_op(c, 0x8b | x86_w(size_log2 == 3), d, s);
    else if (size_log2 == 2)
        x86_op(c, 0x63 | X_W, d, s);
    else
        x86_op(c,
               (sign ? 0xbe : 0xb6) | size_log2 | X_0F | (size_log2 ? 0 : X_B8RM) |
                   x86_w(sign && w),
               d, s);
}

void x86_lea(struct x86_code *c, bool w, unsigned d, struct opnd m)
{
    x86_op(c, 0x8d | x86_w(w), d, m);
}

void x86_xchg(struct x86_code *c, unsigned a, unsigned b)
{
    x86_op(c, 0x87 | X_W, a, opnd_reg(b));
}

void x86_push(struct x86_code *c, unsigned r)
{
    if (r & 8)
        put8(c, 0x41);
    put8(c, 0x50 | (r & 7));
}

void x86_pop(struct x86_code *c, unsigned r)
{
    if (r & 8)
        put8(c, 0x41);
    put8(c, 0x58 | (r & 7));
}

void x86_push_imm(struct x86_code *c, int32_t v)
{
    put8(c, fits8(v) ? 0x6a : 0x68);
    if (fits8(v))
        put8(c, v);
    else
        put32(c, v);
}

/* --- arithmetic --- */
void x86_alu(struct x86_code *c, bool w, enum x86_alu op, struct opnd d, struct opnd s)
{
    if (s.kind == OPND_IMM) {
        if (fits8(s.disp))
            x86_op_imm8(c, 0x83 | x86_w(w), op, d, s.disp);
        else
            x86_op_imm32(c, 0x81 | x86_w(w), op, d, s.disp);
    } else if (d.kind == OPND_REG) {
        x86_op(c, op << 3 | 3 | x86_w(w), d.reg, s);
    } else {
        x86_op(c, op << 3 | 1 | x86_w(w), s.reg, d);
    }
}

void x86_test(struct x86_code *c, bool w, unsigned a, unsigned b)
{
    x86_op(c, 0x85 | x86_w(w), b, opnd_reg(a));
}

void x86_test_imm(struct x86_code *c, struct opnd a, uint32_t mask)
{
    if (mask <= 0xff)
        x86_op_imm8(c, 0xf6 | X_B8RM, 0, a, (uint8_t)mask);
    else
        x86_op_imm32(c, 0xf7, 0, a, mask);
}

void x86_imul(struct x86_code *c, bool w, unsigned d, struct opnd s)
{
    x86_op(c, 0xaf | X_0F | x86_w(w), d, s);
}

void x86_imul_imm(struct x86_code *c, bool w, unsigned d, struct opnd s, int32_t imm)
{
    if (fits8(imm))
        x86_op_imm8(c, 0x6b | x86_w(w), d, s, imm);
    else
        x86_op_imm32(c, 0x69 | x86_w(w), d, s, imm);
}

void x86_unary(struct x86_code *c, bool w, unsigned ext, struct opnd d)
{
    x86_op(c, 0xf7 | x86_w(w), ext, d);
}

void x86_lahf(struct x86_code *c)
{
    put8(c, 0x9f);
}

void x86_carry(struct x86_code *c, enum x86_carry_op op)
{
    put8(c, op);
}

void x86_cqo(struct x86_code *c, bool w)
{
    if (w)
        put8(c, 0x48);
    put8(c, 0x99);
}

void x86_shift_imm(struct x86_code *c, bool w, enum x86_shift op, struct opnd d, unsigned n)
{
    if (n == 1)
        x86_op(c, 0xd1 | x86_w(w), op, d);
    else
        x86_op_imm8(c, 0xc1 | x86_w(w), op, d, n);
}

void x86_shift_cl(struct x86_code *c, bool w, enum x86_shift op, unsigned d)
{
    x86_op(c, 0xd3 | x86_w(w), op, opnd_reg(d));
}

/* BMI2 SHLX, SHRX, SARX. */
void x86_shiftx(struct x86_code *c, bool w, enum x86_shift op, unsigned d, struct opnd s,
                unsigned n)
{
    uint32_t pp = op == SH_SHL ? X_66 : op == SH_SHR ? X_F2 : X_F3;
    x86_vex(c, 0xf7 | X_0F38 | pp | x86_w(w), d, n, s);
}

void x86_rorx(struct x86_code *c, bool w, unsigned d, struct opnd s, unsigned n)
{
    x86_vex_imm8(c, 0xf0 | X_0F3A | X_F2 | x86_w(w), d, 0, s, n);
}

void x86_bswap(struct x86_code *c, bool w, unsigned d)
{
    unsigned rex = (w ? 8 : 0) | d >> 3;
    if (rex)
        put8(c, 0x40 | rex);
    put8(c, 0x0f);
    put8(c, 0xc8 | (d & 7));
}

void x86_setcc(struct x86_code *c, enum x86_cc cc, unsigned d)
{
    x86_op(c, 0x90 | cc | X_0F | X_B8RM, 0, opnd_reg(d));
}

void x86_cmov(struct x86_code *c, bool w, enum x86_cc cc, unsigned d, struct opnd s)
{
    x86_op(c, 0x40 | cc | X_0F | x86_w(w), d, s);
}

/* --- control flow --- */
uint8_t *x86_jmp(struct x86_code *c)
{
    put8(c, 0xe9);
    put32(c, 0);
    return c->p - 4;
}

uint8_t *x86_jcc(struct x86_code *c, enum x86_cc cc)
{
    put8(c, 0x0f);
    put8(c, 0x80 | cc);
    put32(c, 0);
    return c->p - 4;
}

static void put_rel32(struct x86_code *c, const uint8_t *rx)
{
    put32(c, (uint32_t)(rx - (x86_rx(c) + 4)));
}

void x86_jmp_to(struct x86_code *c, const uint8_t *rx)
{
    put8(c, 0xe9);
    put_rel32(c, rx);
}

void x86_jcc_to(struct x86_code *c, enum x86_cc cc, const uint8_t *rx)
{
    put8(c, 0x0f);
    put8(c, 0x80 | cc);
    put_rel32(c, rx);
}

void x86_call_to(struct x86_code *c, const uint8_t *rx)
{
    put8(c, 0xe8);
    put_rel32(c, rx);
}

void x86_jmp_ind(struct x86_code *c, struct opnd m)
{
    x86_op(c, 0xff, 4, m);
}

void x86_call_reg(struct x86_code *c, unsigned r)
{
    x86_op(c, 0xff, 2, opnd_reg(r));
}

void x86_ret(struct x86_code *c, unsigned pop_bytes)
{
    put8(c, pop_bytes ? 0xc2 : 0xc3);
    if (pop_bytes) {
        put8(c, pop_bytes);
        put8(c, pop_bytes >> 8);
    }
}

void x86_link(uint8_t *field, const uint8_t *target)
{
    int32_t rel = target - (field + 4);
    memcpy(field, &rel, 4);
}

/* The recommended multi-byte forms.  Ref: SDM volume 2, NOP, table 4-12. */
void x86_nop(struct x86_code *c, unsigned n)
{
    static const uint8_t nops[8][8] = {{0},
                                       {0x90},
                                       {0x66, 0x90},
                                       {0x0f, 0x1f, 0x00},
                                       {0x0f, 0x1f, 0x40, 0x00},
                                       {0x0f, 0x1f, 0x44, 0x00, 0x00},
                                       {0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00},
                                       {0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00}};
    for (; n; n -= n > 7 ? 7 : n) {
        unsigned k = n > 7 ? 7 : n;
        memcpy(c->p, nops[k], k);
        c->p += k;
    }
}

/* --- SSE --- */
void x86_fmov(struct x86_code *c, unsigned d, unsigned s, bool vex)
{
    if (vex)
        x86_vex(c, 0x28 | X_0F, d, 0, opnd_reg(s));
    else
        x86_op(c, 0x28 | X_0F, d, opnd_reg(s));
}

void x86_fload(struct x86_code *c, bool f64, unsigned d, struct opnd m, bool vex)
{
    uint32_t op = 0x10 | X_0F | (f64 ? X_F2 : X_F3);
    if (vex)
        x86_vex(c, op, d, 0, m);
    else
        x86_op(c, op, d, m);
}

void x86_fstore(struct x86_code *c, bool f64, struct opnd m, unsigned s, bool vex)
{
    uint32_t op = 0x11 | X_0F | (f64 ? X_F2 : X_F3);
    if (vex)
        x86_vex(c, op, s, 0, m);
    else
        x86_op(c, op, s, m);
}

void x86_fstore128(struct x86_code *c, struct opnd m, unsigned s, bool vex)
{
    if (vex)
        x86_vex(c, 0x11 | X_0F, s, 0, m);
    else
        x86_op(c, 0x11 | X_0F, s, m);
}

void x86_fload128(struct x86_code *c, unsigned d, struct opnd m, bool vex)
{
    if (vex)
        x86_vex(c, 0x10 | X_0F, d, 0, m);
    else
        x86_op(c, 0x10 | X_0F, d, m);
}

void x86_fmov256(struct x86_code *c, unsigned d, unsigned s)
{
    x86_vex(c, 0x28 | X_0F | X_L, d, 0, opnd_reg(s));
}

void x86_fload256(struct x86_code *c, unsigned d, struct opnd m)
{
    x86_vex(c, 0x10 | X_0F | X_L, d, 0, m);
}

void x86_fstore256(struct x86_code *c, struct opnd m, unsigned s)
{
    x86_vex(c, 0x11 | X_0F | X_L, s, 0, m);
}

void x86_vzeroupper(struct x86_code *c)
{
    put8(c, 0xc5);
    put8(c, 0xf8);
    put8(c, 0x77);
}

void x86_movq_from_gpr(struct x86_code *c, bool w, unsigned d, struct opnd s, bool vex)
{
    uint32_t op = 0x6e | X_0F | X_66 | x86_w(w);
    if (vex)
        x86_vex(c, op, d, 0, s);
    else
        x86_op(c, op, d, s);
}

void x86_movq_to_gpr(struct x86_code *c, bool w, unsigned d, unsigned s, bool vex)
{
    uint32_t op = 0x7e | X_0F | X_66 | x86_w(w);
    if (vex)
        x86_vex(c, op, s, 0, opnd_reg(d));
    else
        x86_op(c, op, s, opnd_reg(d));
}

void x86_stmxcsr(struct x86_code *c, struct opnd m)
{
    x86_op(c, 0xae | X_0F, 3, m);
}

void x86_ldmxcsr(struct x86_code *c, struct opnd m)
{
    x86_op(c, 0xae | X_0F, 2, m);
}
