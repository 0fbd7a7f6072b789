/*
 * x87 instructions with all of their exceptions.  What is common, and raises nothing that is not
 * masked, is done by trans_x87.c without them.
 * Ref: SDM volume 1, 8.5 (exceptions), 8.1.8 (last instruction and operand), volume 2.
 */
#include "target/x86/x87.h"

#include "accel/tcg/guest.h"
#include "target/x86/cpu_priv.h"
#include "target/x86/helpers.h"
#include "tcg/backend.h"
#include "util/annot.h"
#include "util/bits.h"

#include <string.h>

/* An instruction under way.  Nothing of the cpu has changed before commit(). */
struct x87 {
    struct x86_cpu *cpu;
    struct f80_env env;
    enum x87_op op;
    enum x87_operand operand;
    unsigned i, pops;
    uint32_t memop; /* of stores, without its size; of loads of 10 bytes the last two */
    uint64_t arg;   /* where stores go; of loads the value; of FCMOV the condition */
    bool to_i, stack_fault;
    unsigned denormal; /* X87_DE of an operand in memory */
    uint32_t flags;    /* X86_CC_*, of FCOMI and the like */
    unsigned cc;       /* of the status word: C0, C2, C3, and C1 where the instruction defines it */
};

/* --- registers --- */

static unsigned physical(const struct x87 *x, unsigned i)
{
    return (x->cpu->ftop + i) & 7;
}

static bool is_empty(const struct x87 *x, unsigned i)
{
    return x->cpu->ftag >> physical(x, i) & 1;
}

static struct f80 st(const struct x87 *x, unsigned i)
{
    unsigned n = physical(x, i);
    return (struct f80){x->cpu->fman[n], (uint16_t)x->cpu->fexp[n]};
}

static void set_st(struct x87 *x, unsigned i, struct f80 v)
{
    unsigned n = physical(x, i);
    x->cpu->fman[n] = v.man;
    x->cpu->fexp[n] = v.se;
    x->cpu->ftag &= ~(1u << n);
}

static void free_st(struct x87 *x, unsigned i)
{
    x->cpu->ftag |= 1u << physical(x, i);
}

static void pop(struct x87 *x)
{
    free_st(x, 0);
    x->cpu->ftop = (x->cpu->ftop + 1) & 7;
}

static void push(struct x87 *x, struct f80 v)
{
    x->cpu->ftop = (x->cpu->ftop - 1) & 7;
    set_st(x, 0, v);
}

/* --- exceptions --- */

/* 8.5.1.1: C1 tells which of both. */
static void stack_fault(struct x87 *x, bool overflow)
{
    x->env.flags = X87_IE;
    x->env.up = overflow;
    x->stack_fault = true;
}

/* Whether the instruction ends without a result. */
static bool stops(const struct x87 *x)
{
    return f80_stops(&x->env);
}

static bool underflows(struct x87 *x, bool empty)
{
    if (empty)
        stack_fault(x, false);
    return empty;
}

static bool overflows(struct x87 *x)
{
    bool full = !is_empty(x, 7);
    if (full)
        stack_fault(x, true);
    return full;
}

static void commit(struct x87 *x)
{
    struct x86_cpu *cpu = x->cpu;
    cpu->fsw = (cpu->fsw & ~(uint32_t)X87_SW_C1) | x->env.flags | (x->stack_fault ? X87_SW_SF : 0) |
               (x->env.up ? X87_SW_C1 : 0);
}

/* Comparisons set them though an exception stops the instruction. */
static void set_cc(struct x87 *x, unsigned cc)
{
    x->cpu->fsw = (x->cpu->fsw & ~(uint32_t)X87_SW_CC) | cc;
}

static void finish_pops(struct x87 *x)
{
    for (unsigned n = 0; n < x->pops && !stops(x); n++)
        pop(x);
}

/* --- operands --- */

static struct f80 bcd_of(uint64_t low, uint32_t high)
{
    uint8_t digits[10];
    st_le64(digits, low);
    st_le16(digits + 8, (uint16_t)high);
    return f80_from_bcd(digits);
}

/* Translated code has loaded it. */
static struct f80 operand_of(struct x87 *x)
{
    uint64_t v = x->arg;
    switch (x->operand) {
    case X87_ST: return st(x, x->i);
    case X87_I16: return f80_from_int((int16_t)v);
    case X87_I32: return f80_from_int((int32_t)v);
    case X87_I64: return f80_from_int((int64_t)v);
    case X87_F32: return f80_widen_f32((uint32_t)v, &x->denormal);
    case X87_F64: return f80_widen_f64(v, &x->denormal);
    case X87_F80: return (struct f80){v, (uint16_t)x->memop};
    case X87_BCD: return bcd_of(v, x->memop);
    }
    unreachable();
}

/* --- arithmetic on two operands --- */

static struct f80 arithmetic(enum x87_op op, struct f80 a, struct f80 b, struct f80_env *env)
{
    switch (op) {
    case X87_FADD: return f80_add(a, b, env);
    case X87_FMUL: return f80_mul(a, b, env);
    case X87_FSUB: return f80_sub(a, b, env);
    case X87_FSUBR: return f80_sub(b, a, env);
    case X87_FDIV: return f80_div(a, b, env);
    default: return f80_div(b, a, env);
    }
}

/* A denormal operand of 4 or 8 bytes has become a normal number: what goes before DE, and then DE.
 */
static bool is_stopped_by_denormal(struct x87 *x, struct f80 a, const struct f80_env *after)
{
    if (!x->denormal || (after->flags & (X87_IE | X87_ZE)) || f80_is_nan(a))
        return false;
    x->env.flags |= X87_DE;
    return stops(x);
}

/* Flags that the status word has already, where they decide nothing: hosts find new ones faster. */
static uint8_t known_flags(const struct x87 *x)
{
    bool all_masked = (x->env.control & X87_ALL) == X87_ALL;
    return all_masked && !x->denormal ? x->cpu->fsw & X87_ALL : 0;
}

static void do_arithmetic(struct x87 *x)
{
    struct f80 b = operand_of(x), a = st(x, 0), r = f80_indefinite();
    if (!underflows(x, is_empty(x, 0) || (x->operand == X87_ST && is_empty(x, x->i)))) {
        struct f80_env env = x->env;
        env.flags = known_flags(x);
        r = arithmetic(x->op, a, b, &env);
        if (!is_stopped_by_denormal(x, a, &env)) {
            x->env.up = env.up;
            x->env.flags |= env.flags;
        }
    }
    if (!stops(x))
        set_st(x, x->to_i ? x->i : 0, r);
}

/* --- comparisons --- */

static unsigned compare(struct x87 *x, struct f80 b, bool quiet)
{
    struct f80 a = st(x, 0);
    struct f80_env env = x->env;
    unsigned cc = f80_compare(a, b, quiet, &env);
    if (!is_stopped_by_denormal(x, a, &env))
        x->env.flags |= env.flags;
    return cc;
}

static void do_compare(struct x87 *x)
{
    bool quiet = x->op == X87_FUCOM || x->op == X87_FUCOMI;
    bool to_eflags = x->op == X87_FCOMI || x->op == X87_FUCOMI;
    struct f80 b = operand_of(x);
    unsigned cc = X87_UNORDERED;
    if (!underflows(x, is_empty(x, 0) || (x->operand == X87_ST && is_empty(x, x->i))))
        cc = compare(x, b, quiet);
    if (!to_eflags) {
        set_cc(x, cc);
        return;
    }
    x->env.up = !x->stack_fault && (x->cpu->fsw & X87_SW_C1); /* it stays */
    x->flags = (cc & X87_SW_C0 ? X86_CC_C : 0) | (cc & X87_SW_C2 ? X86_CC_P : 0) |
               (cc & X87_SW_C3 ? X86_CC_Z : 0);
}

static void do_test(struct x87 *x)
{
    static const struct f80 zero;
    unsigned cc = X87_UNORDERED;
    if (!underflows(x, is_empty(x, 0)))
        cc = compare(x, zero, false);
    set_cc(x, cc);
}

static void do_examine(struct x87 *x)
{
    unsigned sign = st(x, 0).se & 0x8000 ? X87_SW_C1 : 0;
    unsigned cc = is_empty(x, 0) ? X87_SW_C3 | X87_SW_C0 | sign : f80_examine(st(x, 0));
    set_cc(x, cc);
    x->env.up = cc & X87_SW_C1;
}

/* --- loads and stores --- */

/* A signalling NaN becomes quiet; denormal operands stop nothing. */
static struct f80 quiet_operand(struct x87 *x, struct f80 v)
{
    bool small = x->operand == X87_F32 || x->operand == X87_F64;
    if (!small || !f80_is_snan(v))
        return v;
    x->env.flags |= X87_IE;
    v.man |= UINT64_C(1) << 62;
    return v;
}

static void do_load(struct x87 *x)
{
    struct f80 v = operand_of(x);
    if ((x->operand == X87_ST && underflows(x, is_empty(x, x->i))) || overflows(x))
        v = f80_indefinite();
    else
        v = quiet_operand(x, v);
    if (!stops(x))
        push(x, v);
    x->env.flags |= x->stack_fault ? 0 : x->denormal;
}

static void do_constant(struct x87 *x)
{
    if (overflows(x)) {
        if (!stops(x))
            push(x, f80_indefinite());
        return;
    }
    push(x, f80_constant(x->i, x->env.control));
}

static void store(struct x87 *x, uint64_t v, unsigned size)
{
    guest_st(&x->cpu->cpu, x->arg, v, x->memop | size);
}

static void store_ten(struct x87 *x, uint64_t low, uint16_t high)
{
    guest_probe(&x->cpu->cpu, x->arg, 10, GUEST_WRITE, memop_idx(x->memop));
    store(x, low, MO_64);
    guest_st(&x->cpu->cpu, x->arg + 8, high, x->memop | MO_16);
}

static void bcd_digits(struct x87 *x, struct f80 v, bool empty, uint64_t stored[2])
{
    uint8_t digits[10];
    f80_to_bcd(v, digits, &x->env);
    x->env.up = empty ? false : x->env.up;
    stored[0] = ld_le64(digits);
    stored[1] = ld_le16(digits + 8);
}

static void store_bcd(struct x87 *x, struct f80 v, bool empty)
{
    uint64_t stored[2];
    bcd_digits(x, empty ? f80_indefinite() : v, empty, stored);
    if (!stops(x))
        store_ten(x, stored[0], (uint16_t)stored[1]);
}

static unsigned int_bits(const struct x87 *x)
{
    return x->operand == X87_I16 ? 16 : x->operand == X87_I32 ? 32 : 64;
}

static void store_int(struct x87 *x, struct f80 v, bool empty)
{
    unsigned bits = int_bits(x);
    if (empty)
        v = f80_indefinite();
    int64_t n = f80_to_int(v, bits, x->op == X87_FISTT, &x->env);
    if (!stops(x))
        store(x, (uint64_t)n, bits == 16 ? MO_16 : bits == 32 ? MO_32 : MO_64);
}

/* Overflow and underflow that are not masked leave memory and the stack as they are, too. */
static bool keeps_memory(const struct x87 *x)
{
    return x->env.flags & ~x->env.control & (X87_BEFORE | X87_OE | X87_UE);
}

static void store_float(struct x87 *x, struct f80 v, bool empty)
{
    bool is_f32 = x->operand == X87_F32;
    if (empty)
        v = f80_indefinite();
    uint64_t bits = is_f32 ? f80_to_f32(v, &x->env) : f80_to_f64(v, &x->env);
    if (!keeps_memory(x)) {
        store(x, bits, is_f32 ? MO_32 : MO_64);
        return;
    }
    x->pops = 0;
    x->env.flags &= ~X87_PE;
    x->env.up = x->env.up && x->stack_fault;
}

static void do_store(struct x87 *x)
{
    bool empty = is_empty(x, 0);
    struct f80 v = st(x, 0);
    if (x->op == X87_FSTP1) { /* of an empty register it is a pop */
        if (!empty)
            set_st(x, x->i, v);
        return;
    }
    underflows(x, empty);
    switch (x->operand) {
    case X87_ST:
        if (!stops(x))
            set_st(x, x->i, empty ? f80_indefinite() : v);
        break;
    case X87_F32:
    case X87_F64: store_float(x, v, empty); break;
    case X87_BCD: store_bcd(x, v, empty); break;
    case X87_F80:
        if (empty)
            v = f80_indefinite();
        if (!stops(x))
            store_ten(x, v.man, v.se);
        break;
    default: store_int(x, v, empty);
    }
}

/* --- moves --- */

static void do_exchange(struct x87 *x)
{
    bool empty_a = is_empty(x, 0), empty_b = is_empty(x, x->i);
    struct f80 a = empty_a ? f80_indefinite() : st(x, 0);
    struct f80 b = empty_b ? f80_indefinite() : st(x, x->i);
    underflows(x, empty_a || empty_b);
    if (stops(x))
        return;
    set_st(x, 0, b);
    set_st(x, x->i, a);
}

/* As FNOP, it leaves C1 alone. */
static void do_move_if(struct x87 *x)
{
    bool empty = is_empty(x, 0) || is_empty(x, x->i);
    bool holds = x->arg;
    x->env.up = x->cpu->fsw & X87_SW_C1;
    if (underflows(x, empty))
        holds = true;
    if (holds && !stops(x))
        set_st(x, 0, empty ? f80_indefinite() : st(x, x->i));
}

/* --- operations on the top --- */

static bool has_no_top(struct x87 *x)
{
    if (!underflows(x, is_empty(x, 0)))
        return false;
    if (!stops(x))
        set_st(x, 0, f80_indefinite());
    return true;
}

static void do_sign(struct x87 *x)
{
    if (has_no_top(x))
        return;
    struct f80 v = st(x, 0);
    v.se = x->op == X87_FCHS ? v.se ^ 0x8000 : v.se & 0x7fff;
    set_st(x, 0, v);
}

static void do_unary(struct x87 *x)
{
    if (has_no_top(x))
        return;
    struct f80 v = st(x, 0);
    switch (x->op) {
    case X87_FSQRT: v = f80_sqrt(v, &x->env); break;
    case X87_FRNDINT: v = f80_rint(v, &x->env); break;
    default: v = f80_2xm1(v, &x->env);
    }
    if (!stops(x))
        set_st(x, 0, v);
}

/* FSIN, FCOS, FPTAN, FSINCOS: C2 tells that the operand is out of range. */
static void do_circular(struct x87 *x)
{
    bool pushes = x->op == X87_FPTAN || x->op == X87_FSINCOS, far = false;
    struct f80 v = st(x, 0), first, second = f80_from_int(1);
    if (is_empty(x, 0) || (pushes && !is_empty(x, 7))) {
        stack_fault(x, !is_empty(x, 0));
        first = second = f80_indefinite();
    } else {
        first = x->op == X87_FCOS      ? f80_cos(v, &far, &x->env)
                : x->op == X87_FPTAN   ? f80_tan(v, &far, &x->env)
                : x->op == X87_FSINCOS ? f80_sincos(v, &second, &far, &x->env)
                                       : f80_sin(v, &far, &x->env);
        if (x->op == X87_FPTAN && f80_is_nan(first))
            second = first;
    }
    x->cpu->fsw = (x->cpu->fsw & ~(uint32_t)X87_SW_C2) | (far ? X87_SW_C2 : 0);
    if (stops(x) || far)
        return;
    set_st(x, 0, first);
    if (pushes)
        push(x, second);
}

static void do_extract(struct x87 *x)
{
    struct f80 exponent = f80_indefinite(), v = f80_indefinite();
    if (is_empty(x, 0) || !is_empty(x, 7))
        stack_fault(x, !is_empty(x, 0));
    else
        v = f80_extract(st(x, 0), &exponent, &x->env);
    if (stops(x))
        return;
    set_st(x, 0, exponent);
    push(x, v);
}

static void do_remainder(struct x87 *x)
{
    unsigned q = 0;
    bool partial = false;
    struct f80 r = f80_indefinite();
    if (!underflows(x, is_empty(x, 0) || is_empty(x, 1)))
        r = f80_rem(st(x, 0), st(x, 1), x->op == X87_FPREM1, &q, &partial, &x->env);
    x->cpu->fsw &= ~(uint32_t)X87_SW_C2;
    if (stops(x))
        return;
    set_st(x, 0, r);
    if (f80_is_nan(r)) /* there is no quotient */
        return;
    q = partial ? 0 : q;
    set_cc(x, (q & 4 ? X87_SW_C0 : 0) | (q & 2 ? X87_SW_C3 : 0) | (partial ? X87_SW_C2 : 0));
    x->env.up = q & 1;
}

static void do_scale(struct x87 *x)
{
    struct f80 r = f80_indefinite();
    if (!underflows(x, is_empty(x, 0) || is_empty(x, 1)))
        r = f80_scale(st(x, 0), st(x, 1), &x->env);
    if (!stops(x))
        set_st(x, 0, r);
}

/* FYL2X, FYL2XP1, FPATAN: the result replaces ST(1), and the stack is popped. */
static void do_two(struct x87 *x)
{
    struct f80 a = st(x, 0), b = st(x, 1), r = f80_indefinite();
    if (!underflows(x, is_empty(x, 0) || is_empty(x, 1)))
        r = x->op == X87_FPATAN  ? f80_atan(a, b, &x->env)
            : x->op == X87_FYL2X ? f80_yl2x(a, b, &x->env)
                                 : f80_yl2xp1(a, b, &x->env);
    if (stops(x))
        return;
    set_st(x, 1, r);
    pop(x);
}

/* --- which --- */

static void execute(struct x87 *x)
{
    switch (x->op) {
    case X87_FCOM:
    case X87_FCOMP:
    case X87_FUCOM:
    case X87_FCOMI:
    case X87_FUCOMI: do_compare(x); break;
    case X87_FLD: do_load(x); break;
    case X87_FCONST: do_constant(x); break;
    case X87_FST:
    case X87_FSTP1:
    case X87_FIST:
    case X87_FISTT: do_store(x); break;
    case X87_FXCH: do_exchange(x); break;
    case X87_FCMOV: do_move_if(x); break;
    case X87_FCHS:
    case X87_FABS: do_sign(x); break;
    case X87_FNOP: x->env.up = x->cpu->fsw & X87_SW_C1; break;
    case X87_FFREE: free_st(x, x->i); break;
    case X87_FTST: do_test(x); break;
    case X87_FXAM: do_examine(x); break;
    case X87_F2XM1:
    case X87_FSQRT:
    case X87_FRNDINT: do_unary(x); break;
    case X87_FYL2X:
    case X87_FYL2XP1:
    case X87_FPATAN: do_two(x); break;
    case X87_FPTAN:
    case X87_FSINCOS:
    case X87_FSIN:
    case X87_FCOS: do_circular(x); break;
    case X87_FXTRACT: do_extract(x); break;
    case X87_FPREM1:
    case X87_FPREM: do_remainder(x); break;
    case X87_FDECSTP: x->cpu->ftop = (x->cpu->ftop - 1) & 7; break;
    case X87_FINCSTP: x->cpu->ftop = (x->cpu->ftop + 1) & 7; break;
    case X87_FSCALE: do_scale(x); break;
    default: do_arithmetic(x);
    }
}

/* raises: an exception that is not masked. */
static void note_instruction(struct x86_cpu *cpu, uint32_t word, uint64_t offset, bool raises)
{
    bool has_selectors = !x86_has(cpu, X86_F_ZERO_FCS_FDS);
    cpu->fip = x86_rip(cpu);
    cpu->fcs = has_selectors ? cpu->s.seg[X86_CS].selector : 0;
    cpu->fop = word >> X87_FOP_SHIFT & X87_FOP_BITS;
    if ((word >> X87_OPERAND_SHIFT & 7) == X87_ST ||
        (!raises && x86_has(cpu, X86_F_FDP_EXCPTN_ONLY)))
        return;
    cpu->fdp = offset;
    cpu->fds = has_selectors ? cpu->s.seg[word >> X87_SEG_SHIFT & 7].selector : 0;
}

static struct x87 decode_word(struct x86_cpu *cpu, uint32_t word, uint32_t memop, uint64_t arg)
{
    return (struct x87){
        .cpu = cpu,
        .env = {.control = cpu->s.fcw},
        .op = word & 0xff,
        .operand = word >> X87_OPERAND_SHIFT & 7,
        .i = word >> X87_I_SHIFT & 7,
        .pops = word >> X87_POPS_SHIFT & 3,
        .memop = memop,
        .arg = arg,
        .to_i = word & X87_TO_I,
    };
}

void helper_x87(struct x86_cpu *cpu, uint32_t word, uint32_t memop, uint64_t arg, uint64_t offset)
{
    struct x87 x = decode_word(cpu, word, memop, arg);
    helper_fwait(cpu);
    if (x.op >= X87_FLDENV) {
        x87_environment(cpu, word, memop, arg);
        guest_mode_changed(&cpu->cpu);
        return;
    }
    execute(&x);
    if (x.op == X87_FCOMI || x.op == X87_FUCOMI)
        cpu->cc = x.flags;
    finish_pops(&x);
    commit(&x);
    note_instruction(cpu, word, offset, x.env.flags & ~cpu->s.fcw & X87_ALL);
}

/* --- as operations of the translator, with all exceptions masked --- */

/* What a store to memory stores, and the flags that raises. */
static void stored_value(struct x87 *x, uint64_t stored[2])
{
    bool empty = is_empty(x, 0);
    struct f80 v = empty ? f80_indefinite() : st(x, 0);
    underflows(x, empty);
    switch (x->operand) {
    case X87_F32: stored[0] = f80_to_f32(v, &x->env); break;
    case X87_F64: stored[0] = f80_to_f64(v, &x->env); break;
    case X87_F80:
        stored[0] = v.man;
        stored[1] = v.se;
        break;
    case X87_BCD: bcd_digits(x, v, empty, stored); break;
    default: stored[0] = (uint64_t)f80_to_int(v, int_bits(x), x->op == X87_FISTT, &x->env);
    }
}

static uint64_t run_op(void *opaque, enum tcg_x87_how how, uint32_t word, uint64_t value[2])
{
    struct x86_cpu *cpu = opaque;
    struct x87 x = decode_word(cpu, word, (uint32_t)value[1], value[0]);
    if (x.op == X87_FNSTSW)
        return x87_status(cpu);
    if (how == X87_RUN)
        execute(&x);
    else
        stored_value(&x, value);
    if (how == X87_LOOK)
        return 0;
    finish_pops(&x);
    commit(&x);
    return x.flags;
}

const struct tcg_x87 x87_ops = {run_op, x87_to_image, x87_from_image};

/* The same for those that do not wait. */
void helper_x87_control(struct x86_cpu *cpu, uint32_t word, uint32_t memop, uint64_t linear)
{
    x87_environment(cpu, word, memop, linear);
    guest_mode_changed(&cpu->cpu);
}

/* The slots have the state: whatever is called does that. */
void helper_x87_sync(struct x86_cpu *cpu UNUSED)
{
}

/* --- waiting --- */

/*
 * Ref: SDM volume 3, 2.5 (MP, TS), volume 1, 8.7 (NE, FERR#, IGNNE#).  Without CR0.NE the interrupt
 * that FERR# asks for comes first, if it can come at all.
 */
void helper_fwait(struct x86_cpu *cpu)
{
    enum { WAITS = X86_CR0_MP | X86_CR0_TS };
    if ((cpu->s.cr0 & WAITS) == WAITS)
        helper_raise(cpu, X86_NM, 0);
    if (!(cpu->fsw & ~(uint32_t)cpu->s.fcw & X87_ALL))
        return;
    if (cpu->s.cr0 & X86_CR0_NE)
        helper_raise(cpu, X86_MF, 0);
    if (cpu->s.ignne || cpu->s.ferr_raised)
        return;
    cpu->s.ferr_raised = true;
    irq_set(&cpu->ferr, true);
    guest_mode_changed(&cpu->cpu);
    guest_unwind(&cpu->cpu);
}

void x87_exceptions_changed(struct x86_cpu *cpu)
{
    if (cpu->fsw & ~(uint32_t)cpu->s.fcw & X87_ALL)
        return;
    if (cpu->s.ferr_raised)
        irq_set(&cpu->ferr, false);
    cpu->s.ferr_raised = cpu->s.ignne = false;
}
