/* What the integer ops compute: the reference that folding and the interpreter's tests agree with.
 */
#include "tcg/ir_priv.h"

static unsigned width(enum ir_type t)
{
    return t == I32 ? 32 : 64;
}

static int64_t sext(enum ir_type t, uint64_t v)
{
    return t == I32 ? (int32_t)v : (int64_t)v;
}

static uint64_t mulh(unsigned opc, enum ir_type t, uint64_t a, uint64_t b)
{
    if (opc == OP_mulhu)
        return (unsigned __int128)a * b >> width(t);
    return (__int128)sext(t, a) * sext(t, b) >> width(t);
}

/* RISC-V M 7.2: no trap, all ones for x / 0, x for x % 0; the one overflow wraps. */
static uint64_t divide(unsigned opc, enum ir_type t, uint64_t a, uint64_t b)
{
    int64_t x = sext(t, a), y = sext(t, b);
    switch (opc) {
    case OP_divs: return !b ? UINT64_MAX : y == -1 ? -(uint64_t)x : (uint64_t)(x / y);
    case OP_rems: return !b ? a : y == -1 ? 0 : (uint64_t)(x % y);
    case OP_divu: return !b ? UINT64_MAX : a / b;
    default: return !b ? a : a % b;
    }
}

static uint64_t shift(unsigned opc, enum ir_type t, uint64_t a, uint64_t b)
{
    unsigned w = width(t), n = b & (w - 1);
    switch (opc) {
    case OP_shl: return a << n;
    case OP_shr: return a >> n;
    case OP_sar: return sext(t, a) >> n;
    case OP_rotr: n = -n & (w - 1); break;
    default: break;
    }
    return n ? a << n | a >> (w - n) : a;
}

static uint64_t count_bits(unsigned opc, enum ir_type t, uint64_t a)
{
    if (opc == OP_popcnt)
        return __builtin_popcountll(a);
    if (!a)
        return width(t);
    return opc == OP_ctz ? (unsigned)__builtin_ctzll(a) : __builtin_clzll(a) - (64 - width(t));
}

static uint64_t eval(unsigned opc, enum ir_type t, uint64_t a, uint64_t b)
{
    switch (opc) {
    case OP_add: return a + b;
    case OP_sub: return a - b;
    case OP_mul: return a * b;
    case OP_mulhu:
    case OP_mulhs: return mulh(opc, t, a, b);
    case OP_divs:
    case OP_divu:
    case OP_rems:
    case OP_remu: return divide(opc, t, a, b);
    case OP_and: return a & b;
    case OP_or: return a | b;
    case OP_xor: return a ^ b;
    case OP_andn: return a & ~b;
    case OP_not: return ~a;
    case OP_neg: return -a;
    case OP_shl:
    case OP_shr:
    case OP_sar:
    case OP_rotl:
    case OP_rotr: return shift(opc, t, a, b);
    case OP_clz:
    case OP_ctz:
    case OP_popcnt: return count_bits(opc, t, a);
    case OP_bswap: return t == I32 ? __builtin_bswap32(a) : __builtin_bswap64(a);
    case OP_sext8: return (int8_t)a;
    case OP_sext16: return (int16_t)a;
    case OP_zext8: return (uint8_t)a;
    case OP_zext16: return (uint16_t)a;
    case OP_sext32: return (int32_t)a;
    default: return a; /* zext32, trunc, bit casts: the same bits */
    }
}

/* sext32 alone has a result wider than its operand. */
uint64_t ir_eval(unsigned opc, enum ir_type t, uint64_t a, uint64_t b)
{
    uint64_t v = eval(opc, t, a, b);
    if (opc == OP_sext32)
        return v;
    return opc == OP_trunc ? (uint32_t)v : ir_truncate(t, v);
}

uint64_t ir_eval_field(unsigned opc, enum ir_type t, uint64_t a, uint64_t b, uint32_t attr)
{
    unsigned lsb = attr & 0xff, len = attr >> 8 & 0xff;
    uint64_t mask = len >= 64 ? UINT64_MAX : (UINT64_C(1) << len) - 1;
    if (opc == OP_deposit)
        return ir_truncate(t, (a & ~(mask << lsb)) | (b & mask) << lsb);
    uint64_t v = a >> lsb & mask;
    if (opc == OP_sextract)
        v = (int64_t)(v << (64 - len)) >> (64 - len);
    return ir_truncate(t, v);
}

uint32_t ir_eval_flags(unsigned opc, enum ir_type t, uint64_t a, uint64_t b, uint64_t c)
{
    bool is_sub = opc == OP_flags_sub;
    uint64_t y = ir_truncate(t, is_sub ? ~b : b), in = is_sub ? 1 : c & 1;
    uint64_t x = ir_truncate(t, a), sum = ir_truncate(t, x + y + in);
    bool carry = ((unsigned __int128)x + y + in) >> width(t);
    bool overflow = ((x ^ sum) & (y ^ sum)) >> (width(t) - 1) & 1;
    return (sum >> (width(t) - 1) & 1 ? IR_FLAG_N : 0) | (sum ? 0 : IR_FLAG_Z) |
           (carry ? 0 : IR_FLAG_NOT_C) | (overflow ? IR_FLAG_V : 0);
}

/* --- flags as x86 has them --- */

static uint64_t low_bytes(uint64_t v, unsigned size)
{
    return size == 3 ? v : v & ((UINT64_C(1) << (8u << size)) - 1);
}

static bool top_bit(uint64_t v, unsigned size)
{
    return v >> ((8u << size) - 1) & 1;
}

/* What the result alone decides. */
static uint32_t result_eflags(uint64_t r, unsigned size)
{
    r = low_bytes(r, size);
    return (top_bit(r, size) ? IR_EFLAG_S : 0) | (r ? 0 : IR_EFLAG_Z) |
           (__builtin_parity(r & 0xff) ? 0 : IR_EFLAG_P) | IR_EFLAG_1;
}

/* Of a + b + c or a - b - c: each bit of `carries` says that one came out of that place. */
static uint32_t sum_eflags(bool is_sub, unsigned size, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t r = is_sub ? a - b - c : a + b + c;
    uint64_t carries = is_sub ? (~a & (b | r)) | (b & r) : (a & b) | (~r & (a | b));
    uint64_t overflow = is_sub ? (a ^ b) & (a ^ r) : (a ^ r) & (b ^ r);
    return result_eflags(r, size) | (top_bit(carries, size) ? IR_EFLAG_C : 0) |
           (carries >> 3 & 1 ? IR_EFLAG_A : 0) | (top_bit(overflow, size) ? IR_EFLAG_O : 0);
}

static uint64_t sign_bytes(uint64_t v, unsigned size)
{
    unsigned n = 64 - (8u << size);
    return (uint64_t)((int64_t)(v << n) >> n);
}

/* The last bit shifted out is the carry; overflow: the sign changes with the last step. */
static uint32_t shift_eflags(unsigned opc, unsigned size, uint64_t a, unsigned n)
{
    bool carry, overflow = false;
    uint64_t r, last; /* last: before the last step */
    if (opc == OP_eflags_shl) {
        last = low_bytes(a, size) << (n - 1);
        carry = top_bit(last, size);
        r = last << 1;
        overflow = top_bit(r, size) != carry;
    } else {
        last = opc == OP_eflags_sar ? sign_bytes(a, size) : low_bytes(a, size);
        last = opc == OP_eflags_sar ? (uint64_t)((int64_t)last >> (n - 1)) : last >> (n - 1);
        carry = last & 1;
        r = opc == OP_eflags_sar ? (uint64_t)((int64_t)last >> 1) : last >> 1;
        overflow = opc == OP_eflags_shr && top_bit(last, size);
    }
    return result_eflags(r, size) | IR_EFLAG_A | (carry ? IR_EFLAG_C : 0) |
           (overflow ? IR_EFLAG_O : 0);
}

uint32_t ir_eflags_of_sub(uint64_t a, uint64_t b, unsigned size)
{
    return sum_eflags(true, size, a, b, 0);
}

uint32_t ir_eflags_of_result(uint64_t v, unsigned size)
{
    return result_eflags(v, size);
}

/* What a shift by 0 leaves. */
static uint32_t shift_eflags_or(unsigned opc, unsigned size, uint64_t a, uint64_t b, uint64_t c)
{
    unsigned n = b & (size == 3 ? 63 : 31);
    return n ? shift_eflags(opc, size, a, n) : (uint32_t)c;
}

static bool product_is_wide(unsigned size, uint64_t a, uint64_t b)
{
    __int128 p = (__int128)(int64_t)sign_bytes(a, size) * (int64_t)sign_bytes(b, size);
    return p != (int64_t)sign_bytes((uint64_t)p, size);
}

uint32_t ir_eflags_kept(unsigned opc)
{
    switch (opc) {
    case OP_eflags_inc:
    case OP_eflags_dec: return ~(uint32_t)(IR_EFLAGS & ~IR_EFLAG_C);
    case OP_eflags_bit: return ~(uint32_t)IR_EFLAG_C;
    case OP_eflags_rotl:
    case OP_eflags_rotr:
    case OP_eflags_wide:
    case OP_eflags_imul: return ~(uint32_t)(IR_EFLAG_C | IR_EFLAG_O);
    default: return 0;
    }
}

static uint32_t carry_overflow(bool carry, bool overflow)
{
    return (carry ? IR_EFLAG_C : 0) | (overflow ? IR_EFLAG_O : 0);
}

static uint32_t some_eflags(unsigned opc, unsigned size, uint64_t a, uint64_t b)
{
    bool top = top_bit(a, size);
    switch (opc) {
    case OP_eflags_inc: return sum_eflags(false, size, a - 1, 1, 0);
    case OP_eflags_dec: return sum_eflags(true, size, a + 1, 1, 0);
    case OP_eflags_rotl: return carry_overflow(a & 1, top != (a & 1));
    case OP_eflags_rotr: return carry_overflow(top, top != top_bit(a << 1, size));
    case OP_eflags_bit: return carry_overflow(a & 1, false);
    case OP_eflags_wide: return carry_overflow(low_bytes(a, size), low_bytes(a, size));
    default: return product_is_wide(size, a, b) ? IR_EFLAG_C | IR_EFLAG_O : 0;
    }
}

uint32_t ir_eval_eflags(unsigned opc, unsigned size, uint64_t a, uint64_t b, uint64_t c)
{
    switch (opc) {
    case OP_eflags_add: return sum_eflags(false, size, a, b, 0);
    case OP_eflags_adc: return sum_eflags(false, size, a, b, c & 1);
    case OP_eflags_sub: return sum_eflags(true, size, a, b, 0);
    case OP_eflags_sbb: return sum_eflags(true, size, a, b, c & 1);
    case OP_eflags_sum: return sum_eflags(false, size, a - b, b, 0);
    case OP_eflags_diff: return sum_eflags(true, size, a + b, b, 0);
    case OP_eflags_logic: return result_eflags(a, size);
    case OP_eflags_shl:
    case OP_eflags_shr:
    case OP_eflags_sar: return shift_eflags_or(opc, size, a, b, c);
    default: break;
    }
    uint32_t kept = ir_eflags_kept(opc), old = opc == OP_eflags_imul ? c : b;
    return (old & kept) | (some_eflags(opc, size, a, b) & ~kept);
}

bool ir_eval_cc(enum ir_cc cc, enum ir_type t, uint64_t a, uint64_t b)
{
    int64_t x = sext(t, a), y = sext(t, b);
    switch (cc) {
    case IR_EQ: return a == b;
    case IR_NE: return a != b;
    case IR_LT: return x < y;
    case IR_GE: return x >= y;
    case IR_LE: return x <= y;
    case IR_GT: return x > y;
    case IR_LTU: return a < b;
    case IR_GEU: return a >= b;
    case IR_LEU: return a <= b;
    case IR_GTU: return a > b;
    default: return false; /* the verifier allows no other here */
    }
}

enum ir_cc ir_cc_invert(enum ir_cc cc)
{
    static const uint8_t inverse[] = {
        [IR_EQ] = IR_NE,   [IR_NE] = IR_EQ,  [IR_LT] = IR_GE,   [IR_GE] = IR_LT,
        [IR_LE] = IR_GT,   [IR_GT] = IR_LE,  [IR_LTU] = IR_GEU, [IR_GEU] = IR_LTU,
        [IR_LEU] = IR_GTU, [IR_GTU] = IR_LEU};
    return inverse[cc];
}

enum ir_cc ir_cc_swap(enum ir_cc cc)
{
    static const uint8_t swapped[] = {
        [IR_EQ] = IR_EQ,   [IR_NE] = IR_NE,  [IR_LT] = IR_GT,   [IR_GE] = IR_LE,
        [IR_LE] = IR_GE,   [IR_GT] = IR_LT,  [IR_LTU] = IR_GTU, [IR_GEU] = IR_LEU,
        [IR_LEU] = IR_GEU, [IR_GTU] = IR_LTU};
    return swapped[cc];
}
