/*
 * The interpreter's loop, and the back end's entry points.
 *
 * It is the port of last resort and the oracle that native back ends are compared with, so each op
 * is written down as plainly as C allows; speed comes from the byte code, not from tricks here.
 */
#include "tcg/interp/bytecode_priv.h"

#include <glib.h>
#include <setjmp.h>
#include <string.h>

/* What init() was told; set once per process. */
static struct tcg_layout layout;
static int32_t pc_off;

bool bc_setup(const struct tcg_layout *l)
{
    layout = *l;
    pc_off = l->slots[l->pc_slot].off;
    return true;
}

struct frame {
    uint8_t *cpu;
    uint64_t *cell;
    union ir_vec *vec;
};

#define A      (f->cell[p->a])
#define B      (f->cell[p->b])
#define D      (f->cell[p->d])
#define VEC(n) (f->vec[(n) & (BC_VEC_CELL - 1)])

/* Integer operations: T is the unsigned type, S the signed one; U2 and S2 are twice as wide. */

/* clang-format off */
/* RISC-V M 7.2: no traps; MIN / -1 wraps. */
#define DIV_S(T, S, a, b) ((b) == 0 ? (T)-1 : (S)(b) == -1 ? (T)(0 - (a)) : (T)((S)(a) / (S)(b)))
#define REM_S(T, S, a, b) ((b) == 0 ? (a) : (S)(b) == -1 ? (T)0 : (T)((S)(a) % (S)(b)))
#define ROTL(a, n, width) ((n) ? (a) << (n) | (a) >> ((width) - (n)) : (a))
#define INT_OPS(SUFFIX, T, S, U2, S2, WIDTH, CLZ, CTZ, BSWAP)                                                          \
    static inline T add##SUFFIX(T a, T b) { return a + b; }                                                            \
    static inline T sub##SUFFIX(T a, T b) { return a - b; }                                                            \
    static inline T mul##SUFFIX(T a, T b) { return a * b; }                                                            \
    static inline T mulhu##SUFFIX(T a, T b) { return (U2)a * b >> WIDTH; }                                             \
    static inline T mulhs##SUFFIX(T a, T b) { return (S2)(S)a * (S)b >> WIDTH; }                                       \
    static inline T divs##SUFFIX(T a, T b) { return DIV_S(T, S, a, b); }                                               \
    static inline T divu##SUFFIX(T a, T b) { return b ? a / b : (T)-1; }                                               \
    static inline T rems##SUFFIX(T a, T b) { return REM_S(T, S, a, b); }                                               \
    static inline T remu##SUFFIX(T a, T b) { return b ? a % b : a; }                                                   \
    static inline T and##SUFFIX(T a, T b) { return a & b; }                                                            \
    static inline T or##SUFFIX(T a, T b) { return a | b; }                                                             \
    static inline T xor##SUFFIX(T a, T b) { return a ^ b; }                                                            \
    static inline T andn##SUFFIX(T a, T b) { return a & ~b; }                                                          \
    static inline T shl##SUFFIX(T a, T b) { return a << (b & (WIDTH - 1)); }                                           \
    static inline T shr##SUFFIX(T a, T b) { return a >> (b & (WIDTH - 1)); }                                           \
    static inline T sar##SUFFIX(T a, T b) { return (S)a >> (b & (WIDTH - 1)); }                                        \
    static inline T rotl##SUFFIX(T a, T b) { return ROTL(a, b & (WIDTH - 1), WIDTH); }                                 \
    static inline T rotr##SUFFIX(T a, T b) { return ROTL(a, (0 - b) & (WIDTH - 1), WIDTH); }                           \
    static inline T not##SUFFIX(T a) { return ~a; }                                                                    \
    static inline T neg##SUFFIX(T a) { return 0 - a; }                                                                 \
    static inline T clz##SUFFIX(T a) { return a ? CLZ(a) : WIDTH; }                                                    \
    static inline T ctz##SUFFIX(T a) { return a ? CTZ(a) : WIDTH; }                                                    \
    static inline T popcnt##SUFFIX(T a) { return __builtin_popcountll(a); }                                            \
    static inline T bswap##SUFFIX(T a) { return BSWAP(a); }                                                            \
    static inline T sext8##SUFFIX(T a) { return (S)(int8_t)a; }                                                        \
    static inline T sext16##SUFFIX(T a) { return (S)(int16_t)a; }                                                      \
    static inline T zext8##SUFFIX(T a) { return (uint8_t)a; }                                                          \
    static inline T zext16##SUFFIX(T a) { return (uint16_t)a; }
INT_OPS(_64, uint64_t, int64_t, unsigned __int128, __int128, 64, __builtin_clzll, __builtin_ctzll, __builtin_bswap64)
INT_OPS(_32, uint32_t, int32_t, uint64_t, int64_t, 32, __builtin_clz, __builtin_ctz, __builtin_bswap32)

#define DO_BINARY(n)                                                                                                   \
    static inline void do_##n##_64(struct frame *f, const struct bc *p) { D = n##_64(A, B); }                          \
    static inline void do_##n##_32(struct frame *f, const struct bc *p) { D = n##_32(A, B); }                          \
    static inline void do_##n##_64i(struct frame *f, const struct bc *p) { D = n##_64(A, p->imm); }                    \
    static inline void do_##n##_32i(struct frame *f, const struct bc *p) { D = n##_32(A, p->imm); }
#define DO_UNARY(n)                                                                                                    \
    static inline void do_##n##_64(struct frame *f, const struct bc *p) { D = n##_64(A); }                             \
    static inline void do_##n##_32(struct frame *f, const struct bc *p) { D = n##_32(A); }
BC_BINARY(DO_BINARY)
BC_UNARY(DO_UNARY)
/* clang-format on */

static inline void do_mov(struct frame *f, const struct bc *p)
{
    D = A;
}

static inline void do_konst(struct frame *f, const struct bc *p)
{
    D = p->imm;
}

static inline void do_sext32(struct frame *f, const struct bc *p)
{
    D = (int32_t)A;
}

static inline void do_trunc(struct frame *f, const struct bc *p)
{
    D = (uint32_t)A;
}

static inline uint64_t field_mask(uint32_t attr)
{
    unsigned len = attr >> 8 & 0xff;
    return len >= 64 ? UINT64_MAX : (UINT64_C(1) << len) - 1;
}

static inline void do_extract(struct frame *f, const struct bc *p)
{
    D = A >> (p->attr & 63) & field_mask(p->attr);
}

static inline void do_sextract_64(struct frame *f, const struct bc *p)
{
    unsigned up = 64 - (p->attr >> 8 & 0xff);
    D = (int64_t)(A >> (p->attr & 63) << up) >> up;
}

static inline void do_sextract_32(struct frame *f, const struct bc *p)
{
    do_sextract_64(f, p);
    D = (uint32_t)D;
}

static inline void do_deposit(struct frame *f, const struct bc *p)
{
    uint64_t mask = field_mask(p->attr);
    unsigned lsb = p->attr & 63;
    D = (A & ~(mask << lsb)) | (B & mask) << lsb;
}

static inline bool compare(unsigned cc, uint64_t a, uint64_t b)
{
    int64_t x = cc & BC_CC_32 ? (int32_t)a : (int64_t)a,
            y = cc & BC_CC_32 ? (int32_t)b : (int64_t)b;
    switch (cc & 15) {
    case IR_EQ: return a == b;
    case IR_NE: return a != b;
    case IR_LT: return x < y;
    case IR_GE: return x >= y;
    case IR_LE: return x <= y;
    case IR_GT: return x > y;
    case IR_LTU: return a < b;
    case IR_GEU: return a >= b;
    case IR_LEU: return a <= b;
    default: return a > b;
    }
}

static inline void do_setcond(struct frame *f, const struct bc *p)
{
    D = compare(p->attr, A, B);
}

static inline void do_select(struct frame *f, const struct bc *p)
{
    D = compare(p->attr, A, B) ? f->cell[p->c] : f->cell[p->e];
}

static inline struct tcg_env *env_of(uint8_t *cpu)
{
    return (struct tcg_env *)(cpu - sizeof(struct tcg_env));
}

/* Only fma has a third operand; the others name cell 0 there. */
static inline void do_fp(struct frame *f, const struct bc *p)
{
    uint64_t arg[3] = {A, B, f->cell[p->c]};
    D = bc_fp(env_of(f->cpu), &layout.cb, p->attr, arg);
}

static inline void do_flags(struct frame *f, const struct bc *p)
{
    D = ir_eval_flags(p->attr & 0xff, p->attr >> 8 & 0xff, A, B, p->c ? f->cell[p->c] : 0);
}

static inline void do_eflags(struct frame *f, const struct bc *p)
{
    D = ir_eval_eflags(p->attr & 0xff, p->attr >> 8, A, B, p->c ? f->cell[p->c] : 0);
}

static bool fp_holds(struct frame *f, uint32_t word, enum ir_cc cc, uint64_t a, uint64_t b)
{
    return bc_fp(env_of(f->cpu), &layout.cb, word | cc << 16, (uint64_t[3]){a, b, 0});
}

static inline void do_flags_fcmp(struct frame *f, const struct bc *p)
{
    uint32_t word = p->attr & 0xffff;
    enum ir_cc less = p->attr >> 16 ? IR_FLT : IR_FLTQ;
    if (fp_holds(f, word, less, A, B))
        D = IR_FLAG_N | IR_FLAG_NOT_C;
    else if (fp_holds(f, word, less, B, A))
        D = 0;
    else
        D = fp_holds(f, word, IR_FEQ, A, B) ? IR_FLAG_Z : IR_FLAG_V;
}

#define SIGN_64 (UINT64_C(1) << 63)
#define SIGN_32 UINT64_C(0x80000000)

static inline uint64_t with_sign(uint64_t magnitude, uint64_t sign, uint64_t mask)
{
    return (magnitude & ~mask) | (sign & mask);
}

static inline void do_fsgnj_64(struct frame *f, const struct bc *p)
{
    D = with_sign(A, B, SIGN_64);
}

static inline void do_fsgnj_32(struct frame *f, const struct bc *p)
{
    D = with_sign(A, B, SIGN_32);
}

static inline void do_fsgnjn_64(struct frame *f, const struct bc *p)
{
    D = with_sign(A, ~B, SIGN_64);
}

static inline void do_fsgnjn_32(struct frame *f, const struct bc *p)
{
    D = with_sign(A, ~B, SIGN_32);
}

static inline void do_fsgnjx_64(struct frame *f, const struct bc *p)
{
    D = with_sign(A, A ^ B, SIGN_64);
}

static inline void do_fsgnjx_32(struct frame *f, const struct bc *p)
{
    D = with_sign(A, A ^ B, SIGN_32);
}

static inline void do_box32(struct frame *f, const struct bc *p)
{
    D = A | UINT64_C(0xffffffff) << 32;
}

static inline void do_unbox32(struct frame *f, const struct bc *p)
{
    D = A >> 32 == 0xffffffff ? (uint32_t)A : 0x7fc00000;
}

static inline void do_get_64(struct frame *f, const struct bc *p)
{
    memcpy(&D, f->cpu + (int64_t)p->imm, 8);
}

static inline void do_get_32(struct frame *f, const struct bc *p)
{
    uint32_t v;
    memcpy(&v, f->cpu + (int64_t)p->imm, 4);
    D = v;
}

static inline void do_set_64(struct frame *f, const struct bc *p)
{
    memcpy(f->cpu + (int64_t)p->imm, &A, 8);
}

static inline void do_set_32(struct frame *f, const struct bc *p)
{
    memcpy(f->cpu + (int64_t)p->imm, &A, 4);
}

static inline void do_get_128(struct frame *f, const struct bc *p)
{
    memcpy(&VEC(p->d), f->cpu + (int64_t)p->imm, 16);
}

static inline void do_set_128(struct frame *f, const struct bc *p)
{
    memcpy(f->cpu + (int64_t)p->imm, &VEC(p->a), 16);
}

static inline void do_ld_128(struct frame *f, const struct bc *p)
{
    VEC(p->d) = bc_load_128(f->cpu, &layout.cb, A, p->attr & 0xffff, (uintptr_t)p);
}

static inline void do_st_128(struct frame *f, const struct bc *p)
{
    bc_store_128(f->cpu, &layout.cb, A, &VEC(p->b), p->attr & 0xffff, (uintptr_t)p);
}

static inline void do_konst_v(struct frame *f, const struct bc *p)
{
    VEC(p->d) = (union ir_vec){.d = {p->imm, 0}};
}

static inline void do_select_v(struct frame *f, const struct bc *p)
{
    VEC(p->d) = compare(p->attr, A, B) ? VEC(p->c) : VEC(p->e);
}

static union ir_vec operand(const struct frame *f, uint16_t cell)
{
    return cell & BC_VEC_CELL ? VEC(cell) : (union ir_vec){.d = {f->cell[cell], 0}};
}

static inline void do_vec(struct frame *f, const struct bc *p)
{
    const union ir_vec arg[3] = {operand(f, p->a), operand(f, p->b), operand(f, p->c)};
    union ir_vec v =
        ir_eval_vec(p->attr >> BC_VEC_SHIFT, p->attr & ((1u << BC_VEC_SHIFT) - 1), arg);
    if (p->d & BC_VEC_CELL)
        VEC(p->d) = v;
    else
        D = v.d[0];
}

static inline void do_vfp(struct frame *f, const struct bc *p)
{
    const union ir_vec arg[3] = {operand(f, p->a), operand(f, p->b), operand(f, p->c)};
    VEC(p->d) = bc_vfp(env_of(f->cpu), &layout.cb, p->attr >> BC_VEC_SHIFT,
                       p->attr & ((1u << BC_VEC_SHIFT) - 1), arg);
}

/* Without a result d is cell 0, which is nobody's. */
static inline void do_x87(struct frame *f, const struct bc *p)
{
    uint64_t v[2] = {A};
    D = layout.cb.x87->run(f->cpu, X87_RUN, p->attr, v);
}

static inline void do_x87_ld(struct frame *f, const struct bc *p)
{
    uint32_t mo = p->attr & 0xffff;
    union ir_vec v = {0};
    if ((mo & MO_SIZE) == MO_80)
        v = bc_load_128(f->cpu, &layout.cb, A, mo, (uintptr_t)p);
    else
        v.d[0] = bc_load(f->cpu, &layout.cb, A, mo, (uintptr_t)p);
    layout.cb.x87->run(f->cpu, X87_RUN, p->x, v.d);
}

static inline void do_x87_st(struct frame *f, const struct bc *p)
{
    const struct tcg_x87 *x87 = layout.cb.x87;
    uint32_t mo = p->attr & 0xffff;
    union ir_vec v = {0};
    x87->run(f->cpu, X87_LOOK, p->x, v.d);
    if ((mo & MO_SIZE) == MO_80)
        bc_store_128(f->cpu, &layout.cb, A, &v, mo, (uintptr_t)p);
    else
        bc_store(f->cpu, &layout.cb, A, v.d[0], mo, (uintptr_t)p);
    x87->run(f->cpu, X87_DONE, p->x, v.d);
}

static inline void do_ssef(struct frame *f, const struct bc *p)
{
    const union ir_vec arg[3] = {operand(f, p->a), operand(f, p->b), operand(f, p->c)};
    const uint64_t words[3][2] = {
        {arg[0].d[0], arg[0].d[1]}, {arg[1].d[0], arg[1].d[1]}, {arg[2].d[0], arg[2].d[1]}};
    union ir_vec v;
    layout.cb.sse(p->attr, words, v.d, &env_of(f->cpu)->guest_mxcsr);
    if (p->d & BC_VEC_CELL)
        VEC(p->d) = v;
    else
        D = v.d[0];
}

static inline void do_env_ld(struct frame *f, const struct bc *p)
{
    unsigned bytes = memop_bytes(p->attr), up = 64 - 8 * bytes;
    uint64_t v = 0;
    memcpy(&v, f->cpu + (int32_t)p->x, bytes);
    if (p->attr & MO_SIGN)
        v = (int64_t)(v << up) >> up;
    D = p->attr & BC_TYPE_32 ? (uint32_t)v : v;
}

static inline void do_env_st(struct frame *f, const struct bc *p)
{
    memcpy(f->cpu + (int32_t)p->x, &A, memop_bytes(p->attr));
}

static inline void do_ld(struct frame *f, const struct bc *p)
{
    uint64_t v = bc_load(f->cpu, &layout.cb, A, p->attr & 0xffff, (uintptr_t)p);
    D = p->attr & BC_TYPE_32 ? (uint32_t)v : v;
}

static inline void do_st(struct frame *f, const struct bc *p)
{
    bc_store(f->cpu, &layout.cb, A, B, p->attr & 0xffff, (uintptr_t)p);
}

static inline void do_atomic(struct frame *f, const struct bc *p)
{
    uint64_t arg[2] = {A, B};
    uint32_t mo_op = (p->attr & 0xffff) | p->attr >> BC_OPC_SHIFT << 16;
    uint64_t v = bc_atomic(f->cpu, &layout.cb, arg, mo_op, (uintptr_t)p);
    D = p->attr & BC_TYPE_32 ? (uint32_t)v : v;
}

static inline void do_cas(struct frame *f, const struct bc *p)
{
    uint64_t arg[3] = {A, B, f->cell[p->c]};
    uint64_t v = bc_cas(f->cpu, &layout.cb, arg, p->attr & 0xffff, (uintptr_t)p);
    D = p->attr & BC_TYPE_32 ? (uint32_t)v : v;
}

/* Only a write before a read needs the full barrier; which of the others the host needs, the
 * compiler knows. */
static inline void do_fence(struct frame *f UNUSED, const struct bc *p)
{
    if (p->attr & IR_FENCE_WR)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    else
        __atomic_thread_fence(__ATOMIC_ACQ_REL);
}

typedef uint64_t (*fn0)(void);
typedef uint64_t (*fn1)(uint64_t);
typedef uint64_t (*fn2)(uint64_t, uint64_t);
typedef uint64_t (*fn3)(uint64_t, uint64_t, uint64_t);
typedef uint64_t (*fn4)(uint64_t, uint64_t, uint64_t, uint64_t);
typedef uint64_t (*fn5)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
typedef uint64_t (*fn6)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

/* All arguments travel as bit patterns in integer registers, so only their number matters. */
static uint64_t call(void *fn, unsigned n, const uint64_t v[6])
{
    switch (n) {
    case 0: return ((fn0)fn)();
    case 1: return ((fn1)fn)(v[0]);
    case 2: return ((fn2)fn)(v[0], v[1]);
    case 3: return ((fn3)fn)(v[0], v[1], v[2]);
    case 4: return ((fn4)fn)(v[0], v[1], v[2], v[3]);
    case 5: return ((fn5)fn)(v[0], v[1], v[2], v[3], v[4]);
    default: return ((fn6)fn)(v[0], v[1], v[2], v[3], v[4], v[5]);
    }
}

/* The operation after p holds the cells of the arguments. */
static void do_call(struct frame *f, const struct bc *p)
{
    const struct ir_helper *h = (const struct ir_helper *)(uintptr_t)p->imm;
    const uint16_t *cells = (const uint16_t *)(p + 1);
    uint64_t v[6];
    unsigned n = 0;
    if (h->flags & HELPER_CPU)
        v[n++] = (uintptr_t)f->cpu;
    for (unsigned i = 0; i < h->nargs; i++, n++) {
        uint64_t x = f->cell[cells[i]];
        v[n] = h->args[i] == I32 || h->args[i] == F32 ? (uint64_t)(int32_t)x : x;
    }
    env_of(f->cpu)->exit_site = (uintptr_t)p;
    uint64_t r = call(h->fn, n, v);
    if (h->ret != IR_VOID)
        D = ir_truncate(h->ret, r);
}

static bool requested(uint8_t *cpu)
{
    /* pairs with the release that sets the word */
    return __atomic_load_n((uint32_t *)(void *)(cpu + layout.request_off), __ATOMIC_ACQUIRE);
}

static struct tcg_exit leave(uint8_t *cpu, enum tcg_exit_kind kind, uint64_t pc)
{
    memcpy(cpu + pc_off, &pc, 8);
    return (struct tcg_exit){.kind = kind};
}

static struct tcg_exit leave_ind(uint8_t *cpu, uint32_t hint, uint64_t pc)
{
    struct tcg_env *env = env_of(cpu);
    uint64_t salt = env->salt;
    if (hint & IR_HINT_SWAP) {
        env->salt = env->salt_other;
        env->salt_other = salt;
    }
    return leave(cpu, TCG_EXIT_LOOKUP, pc);
}

/* clang-format off */
#define LABEL_BINARY(n) &&L_##n##_64, &&L_##n##_32, &&L_##n##_64i, &&L_##n##_32i,
#define LABEL_UNARY(n)  &&L_##n##_64, &&L_##n##_32,
#define LABEL(n)        &&L_##n,
#define NEXT(by)        do { p += (by); goto *labels[p->op]; } while (0)
#define RUN(n)          L_##n: do_##n(f, p); NEXT(1);
#define RUN_BINARY(n)   RUN(n##_64) RUN(n##_32) RUN(n##_64i) RUN(n##_32i)
#define RUN_UNARY(n)    RUN(n##_64) RUN(n##_32)

struct tcg_exit bc_run(uint8_t *cpu, const struct bc *p, uint64_t move)
{
    static const void *const labels[BC_COUNT] = {
        BC_BINARY(LABEL_BINARY) BC_UNARY(LABEL_UNARY) BC_PLAIN(LABEL) BC_CONTROL(LABEL)};
    uint64_t cells[BC_MAX_CELLS];
    union ir_vec vecs[BC_MAX_CELLS];
    struct frame frame = {.cpu = cpu, .cell = cells, .vec = vecs}, *f = &frame;
    cells[0] = 0; /* what an absent operand names */
    NEXT(0);
    BC_BINARY(RUN_BINARY)
    BC_UNARY(RUN_UNARY)
    BC_PLAIN(RUN)
L_call:
    do_call(f, p);
    NEXT(2);
L_br:
    NEXT((int32_t)p->attr);
L_brcond:
    NEXT((int32_t)(compare(p->d, A, B) ? p->attr : p->x));
L_poll:
    if (requested(cpu))
        return leave(cpu, TCG_EXIT_REQUEST, p->imm + move);
    NEXT(1);
L_exit_if:
    if (!compare(p->d, A, B))
        NEXT(1);
L_exit_jump:
    return leave(cpu, TCG_EXIT_LOOKUP, p->imm + move);
L_exit_ind:
    return leave_ind(cpu, p->attr, A);
L_exit_lookup:
    return (struct tcg_exit){.kind = TCG_EXIT_LOOKUP};
L_exit_main:
    return (struct tcg_exit){.kind = TCG_EXIT_MAIN, .reason = p->attr};
}
/* clang-format on */

struct landing {
    sigjmp_buf at;
    uint32_t reason;
};

static struct tcg_exit interp_enter(void *cpu, const struct host_code *hc)
{
    struct tcg_env *env = env_of(cpu);
    struct landing here;
    void *outer = env->host_sp;
    struct tcg_exit x;
    env->host_mxcsr = bc_fp_control();
    env->host_sp = &here;
    if (sigsetjmp(here.at, 0) == 0)
        x = bc_run(cpu, (const struct bc *)(const void *)hc->start, host_code_pc(hc, cpu, 0));
    else
        x = (struct tcg_exit){.kind = TCG_EXIT_MAIN, .reason = here.reason};
    env->host_sp = outer;
    return x;
}

static NORETURN void interp_unwind(void *cpu, uint32_t reason)
{
    struct landing *to = env_of(cpu)->host_sp;
    to->reason = reason;
    siglongjmp(to->at, 1);
}

static bool interp_init(const struct tcg_layout *l, struct codebuf *cb UNUSED,
                        const char **why UNUSED)
{
    return bc_setup(l);
}

static bool interp_compile(struct ir *ir, const struct compile_opts *o, struct codebuf *cb,
                           struct host_code *out, const char **why)
{
    if (!bc_lower(ir, cb, out, why))
        return false;
    out->relative = o->relative;
    out->page = o->page;
    return true;
}

static void interp_release(struct host_code *hc)
{
    host_code_free(hc);
}

/* Every exit goes back to the executor: there is nothing to chain. */
static void interp_patch(struct host_code *from UNUSED, unsigned exit UNUSED,
                         const struct host_code *target UNUSED, struct codebuf *cb UNUSED)
{
}

static bool interp_restore(const struct host_code *hc, uintptr_t ra, uint64_t *pc, uint32_t *word)
{
    const struct bc_mark *m = (const struct bc_mark *)(const void *)hc->map;
    uintptr_t off = ra - (uintptr_t)hc->start;
    unsigned lo = 0, hi = hc->map_len / sizeof(*m);
    while (lo < hi) { /* the first mark beyond off */
        unsigned mid = (lo + hi) / 2;
        if (m[mid].off <= off)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (off >= hc->size || lo == 0)
        return false;
    *pc = m[lo - 1].pc;
    *word = m[lo - 1].word;
    return true;
}

const struct tcg_backend tcg_interp = {
    .name = "interp",
    .init = interp_init,
    .compile = interp_compile,
    .release = interp_release,
    .enter = interp_enter,
    .unwind = interp_unwind,
    .patch = interp_patch,
    .restore = interp_restore,
};
