/* Translated code in user mode: see bench.h. */
#include "tests/isa/x86/bench.h"

#include "accel/tcg/guest.h"
#include "fpu/sse.h"
#include "target/x86/cpu_priv.h"
#include "target/x86/x87.h"
#include "target/x86/xsave.h"
#include "tcg/codebuf.h"
#include "tcg/ir_priv.h"
#include "tcg/region.h"
#include "util/bits.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

enum { CODE_SIZE = 8 << 20, SEGMENTS = 2 };

struct bench {
    const struct tcg_backend *be;
    struct codebuf *cb;
    struct tcg_env *env;
    struct x86_cpu *cpu; /* directly behind env */
    struct ir *ir;
    struct host_code code;
    bool alone;    /* the next unit is one instruction with exact checks */
    bool was_left; /* a region, for an instruction that it cannot do */
    unsigned wide_units;
};
static struct bench *running;

static NORETURN void leave(unsigned vector)
{
    running->be->unwind(running->cpu, BENCH_FAULT + vector);
}

/* --- memory: the host's own, where the tests have some --- */

static uint8_t *host_at(uint64_t addr, uint32_t mo, uintptr_t ra)
{
    uint32_t word;
    bool misaligned = (mo & MO_ALIGN) && addr % memop_bytes(mo);
    bool is_code = addr >= BENCH_CODE && addr <= BENCH_CODE + 4096 - memop_bytes(mo);
    bool is_data = addr >= BENCH_DATA && addr <= BENCH_DATA + BENCH_DATA_SIZE - memop_bytes(mo);
    if ((is_code || is_data) && !misaligned)
        return (uint8_t *)(uintptr_t)addr;
    if (ra && !running->be->restore(&running->code, ra, &running->cpu->pc, &word))
        running->cpu->pc = UINT64_MAX;
    leave(X86_GP);
}

static uint64_t get(const uint8_t *p, uint32_t mo)
{
    uint64_t v = 0;
    memcpy(&v, p, memop_bytes(mo));
    return mo & MO_SIGN ? (uint64_t)sextract64(v, 0, 8 * memop_bytes(mo)) : v;
}

static uint64_t slow_ld(void *cpu G_GNUC_UNUSED, uint64_t addr, uint32_t mo, uintptr_t ra)
{
    return get(host_at(addr, mo, ra), mo);
}

static void slow_st(void *cpu G_GNUC_UNUSED, uint64_t addr, uint64_t val, uint32_t mo, uintptr_t ra)
{
    memcpy(host_at(addr, mo, ra), &val, memop_bytes(mo));
}

static void slow_ld128(void *cpu G_GNUC_UNUSED, uint64_t addr, uint64_t *val, uint32_t mo,
                       uintptr_t ra)
{
    memcpy(val, host_at(addr, mo, ra), memop_bytes(mo));
}

static void slow_st128(void *cpu G_GNUC_UNUSED, uint64_t addr, uint64_t *val, uint32_t mo,
                       uintptr_t ra)
{
    memcpy(host_at(addr, mo, ra), val, memop_bytes(mo));
}

static uint64_t combine(unsigned op, uint64_t a, uint64_t b)
{
    switch (op) {
    case OP_atomic_add: return a + b;
    case OP_atomic_and: return a & b;
    case OP_atomic_or: return a | b;
    case OP_atomic_xor: return a ^ b;
    default: return b;
    }
}

static uint64_t slow_atomic(void *cpu G_GNUC_UNUSED, uint64_t addr, uint64_t val, uint32_t memop_op,
                            uintptr_t ra)
{
    uint32_t mo = memop_op & 0xffff;
    uint8_t *p = host_at(addr, mo, ra);
    uint64_t old = get(p, mo), now = combine(memop_op >> 16, old, val);
    memcpy(p, &now, memop_bytes(mo));
    return old;
}

static uint64_t slow_cas(void *cpu G_GNUC_UNUSED, uint64_t addr, uint64_t expect, uint64_t val,
                         uint32_t mo, uintptr_t ra)
{
    uint8_t *p = host_at(addr, mo, ra);
    uint64_t old = get(p, mo);
    if (old == extract64(expect, 0, 8 * memop_bytes(mo)))
        memcpy(p, &val, memop_bytes(mo));
    return old;
}

static enum tcg_fill no_fill(void *cpu G_GNUC_UNUSED, uint64_t addr G_GNUC_UNUSED,
                             uint32_t mo G_GNUC_UNUSED)
{
    return FILL_CANNOT;
}

uint64_t guest_ld(struct cpu *cpu, gva addr, uint32_t memop)
{
    return slow_ld(cpu, addr, memop, 0);
}

void guest_st(struct cpu *cpu, gva addr, uint64_t val, uint32_t memop)
{
    slow_st(cpu, addr, val, memop, 0);
}

void *guest_host_ptr(struct cpu *cpu G_GNUC_UNUSED, gva addr, unsigned size,
                     enum guest_access access G_GNUC_UNUSED, unsigned idx G_GNUC_UNUSED)
{
    host_at(addr, MO_8, 0);
    host_at(addr + size - 1, MO_8, 0);
    return (void *)(uintptr_t)addr;
}

void guest_probe(struct cpu *cpu G_GNUC_UNUSED, gva addr, unsigned size,
                 enum guest_access access G_GNUC_UNUSED, unsigned idx G_GNUC_UNUSED)
{
    host_at(addr, MO_8, 0);
    host_at(addr + size - 1, MO_8, 0);
}

/* --- what the system part would do in user mode --- */

void helper_raise(struct x86_cpu *cpu G_GNUC_UNUSED, uint32_t vector, uint32_t error G_GNUC_UNUSED)
{
    leave(vector);
}

void x86_fault(struct x86_cpu *cpu G_GNUC_UNUSED, enum x86_exception vector,
               uint32_t error G_GNUC_UNUSED)
{
    leave(vector);
}

void helper_run_alone(struct x86_cpu *cpu G_GNUC_UNUSED)
{
    running->alone = true;
}

void helper_one_begin(struct x86_cpu *cpu G_GNUC_UNUSED)
{
    running->alone = false;
}

void helper_one_end(struct x86_cpu *cpu G_GNUC_UNUSED, uint32_t step G_GNUC_UNUSED)
{
}

void guest_mode_changed(struct cpu *cpu G_GNUC_UNUSED)
{
}

uint32_t guest_fpenv_get(struct cpu *cpu G_GNUC_UNUSED)
{
    return running->env->guest_mxcsr;
}

void guest_fpenv_set(struct cpu *cpu G_GNUC_UNUSED, uint32_t mxcsr)
{
    running->env->guest_mxcsr = mxcsr;
}

static uint64_t eflags_of(const struct x86_cpu *cpu)
{
    uint32_t cc = cpu->cc;
    return (cc >> 8 & 0xd5) | (cc & X86_CC_O ? X86_FL_OF : 0) | (cpu->df ? X86_FL_DF : 0);
}

static void set_flags(struct x86_cpu *cpu, uint64_t flags)
{
    cpu->cc = (flags & 0xd5) << 8 | (flags & X86_FL_OF ? X86_CC_O : 0);
    cpu->df = flags & X86_FL_DF ? ~UINT64_C(0) : 0;
}

uint64_t helper_pushf(struct x86_cpu *cpu, uint32_t size G_GNUC_UNUSED)
{
    return eflags_of(cpu) | X86_FL_IF | X86_FL_1;
}

void helper_popf(struct x86_cpu *cpu, uint64_t image, uint32_t size G_GNUC_UNUSED)
{
    set_flags(cpu, image);
}

void x86_segments_changed(struct x86_cpu *cpu G_GNUC_UNUSED)
{
}

/* --- running --- */

#define OFF(field) ((int32_t)offsetof(struct x86_cpu, field))
static const struct tcg_layout layout = {
    .slots = x86_slots,
    .nslots = X86_SLOTS,
    .pc_slot = X86_SLOT_PC,
    .request_off = OFF(cpu.request),
    .cb = {.x87 = &x87_ops,
           .ld = slow_ld,
           .st = slow_st,
           .ld128 = slow_ld128,
           .st128 = slow_st128,
           .atomic = slow_atomic,
           .cas = slow_cas,
           .sse = sse_run,
           .fill = no_fill},
};

/* Two of the pages with data are known to the first level, for all indices. */
static void fill_tlb(struct tcg_env *env)
{
    tcg_env_empty_tlb(env);
    for (unsigned i = 0; i < TCG_MMU_MODES; i++)
        for (uint64_t page = BENCH_DATA; page < BENCH_DATA + 0x2000; page += 0x1000) {
            unsigned n = page >> TCG_PAGE_BITS & (TCG_TLB_SIZE - 1);
            env->tlb[i].rtag[n] = env->tlb[i].wtag[n] = page;
            env->tlb[i].radd[n] = env->tlb[i].wadd[n] = 0;
        }
}

/* See tests/tcg/bench.c: nothing is found there. */
static void empty_ring(struct tcg_env *env)
{
    for (unsigned i = 0; i < TCG_RING_SIZE; i++)
        env->ring[i].tag = UINT64_C(0xd1b54a32d192ed03);
}

static void empty_caches(struct tcg_env *env)
{
    for (unsigned i = 0; i < 1 << TCG_DISPATCH_BITS; i++)
        env->dispatch[i].tag = (i ^ 1) << 1 ^ env->salt;
    empty_ring(env);
}

struct bench *bench_new(const struct tcg_backend *be, const char **why)
{
    struct bench *b = g_new0(struct bench, 1);
    size_t size = sizeof(struct tcg_env) + sizeof(struct x86_cpu);
    void *p = aligned_alloc(4096, align_up(size, 4096));
    memset(p, 0, size);
    b->be = be;
    b->env = p;
    b->cpu = (struct x86_cpu *)(b->env + 1);
    memset(b->cpu->features, 0xff, sizeof(b->cpu->features));
    if (__builtin_cpu_is("amd"))
        strcpy(b->cpu->vendor, "AuthenticAMD");
    if (!native_has_misaligned())
        b->cpu->features[X86_F_MISALIGNSSE / 64] &= ~(UINT64_C(1) << X86_F_MISALIGNSSE % 64);
    if (!native_has_late_fdp())
        b->cpu->features[X86_F_FDP_EXCPTN_ONLY / 64] &=
            ~(UINT64_C(1) << X86_F_FDP_EXCPTN_ONLY % 64);
    b->ir = ir_new(x86_slots, X86_SLOTS);
    empty_caches(b->env);
    fill_tlb(b->env);
    b->cb = codebuf_new(CODE_SIZE, SEGMENTS, NULL);
    *why = "no code memory";
    if (b->cb && be->init(&layout, b->cb, why))
        return b;
    bench_free(b);
    return NULL;
}

void bench_free(struct bench *b)
{
    if (b->cb)
        codebuf_free(b->cb);
    ir_free(b->ir);
    free(b->env);
    g_free(b);
}

static bool fetch(void *opaque, unsigned n, uint8_t *byte)
{
    *byte = *(const uint8_t *)(uintptr_t)(*(const uint64_t *)opaque + n);
    return true;
}

enum x86_decoded bench_decode(struct x86_insn *insn, uint64_t pc, uint32_t mode)
{
    static const uint64_t all[4] = {~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0)};
    struct x86_decoder how = {fetch, &pc, mode, all};
    return x86_decode(&how, insn);
}

static void translate(struct bench *b, uint64_t pc, unsigned len, uint32_t mode)
{
    struct dis d;
    ir_begin(b->ir);
    x86_dis_init(&d, b->ir, b->cpu, pc, mode);
    while (!d.ended && d.pc < BENCH_CODE + len)
        x86_dis_insn(&d, bench_decode(&d.insn, d.pc, mode));
    d.next = d.pc;
    if (!d.ended)
        end_next(&d);
    x86_dis_end(&d);
    const char *wrong = ir_verify(b->ir);
    if (wrong) {
        ir_print(b->ir, stderr);
        g_error("IR: %s", wrong);
    }
}

void bench_translate(struct bench *b, unsigned len, uint32_t mode)
{
    translate(b, BENCH_CODE, len, mode);
}

/* A region holds no calls with other effects than on slots, and no computed jumps. */
static bool may_be_region(const struct ir *ir)
{
    for (uint32_t i = 0; i < ir->nops; i++) {
        const struct ir_op *op = &ir->ops[i];
        bool leaves = ir_desc(op)->flags & IR_OP_END;
        if (op->opc == OP_call ? !ir_call_is_tame(op) : leaves && op->opc != OP_exit_jump)
            return false;
    }
    return region_is_worth_wide(ir);
}

/* As a wide region, if it works on 256 bits. */
static bool translate_wide(struct bench *b, uint64_t pc, unsigned len, uint32_t mode)
{
    bool was_left = b->was_left;
    b->was_left = false;
    if (was_left || !b->be->takes_wide || !b->be->takes_wide())
        return false;
    ir_set_wide(b->ir, true);
    translate(b, pc, len, mode);
    if (may_be_region(b->ir)) {
        b->wide_units++;
        return true;
    }
    ir_set_wide(b->ir, false);
    return false;
}

unsigned bench_wide_units(const struct bench *b)
{
    return b->wide_units;
}

static void compile(struct bench *b)
{
    struct compile_opts o = {.page = BENCH_CODE, .region = ir_is_wide(b->ir)};
    const char *why = NULL;
    if (b->be->compile(b->ir, &o, b->cb, &b->code, &why))
        return;
    codebuf_next_segment(b->cb);
    if (!b->be->compile(b->ir, &o, b->cb, &b->code, &why))
        g_error("%s", why ? why : "does not fit");
}

/* One unit from pc on; the exception that ended it, or -1. */
static int run_unit(struct bench *b, unsigned len, uint32_t mode)
{
    if (~b->cpu->s.mxcsr & BENCH_MXCSR)
        mode |= X86_MODE_XM;
    mode |= b->cpu->s.mxcsr & X86_MXCSR_MM ? X86_MODE_MM : 0;
    if (~b->cpu->s.fcw & X87_ALL)
        mode |= X86_MODE_X87;
    mode |= b->alone ? X86_MODE_ONE : 0;
    if (!translate_wide(b, b->cpu->pc, len, mode))
        translate(b, b->cpu->pc, len, mode);
    compile(b);
    ir_set_wide(b->ir, false);
    empty_ring(b->env); /* of units that are gone */
    struct tcg_exit x = b->be->enter(b->cpu, &b->code);
    if (x.kind == TCG_EXIT_DIRECT)
        b->cpu->pc = b->code.exits[host_code_exit(&b->code, x.site)].pc;
    b->was_left = x.kind == TCG_EXIT_SIDE;
    b->be->release(&b->code);
    host_code_free(&b->code);
    return x.kind == TCG_EXIT_MAIN && x.reason >= BENCH_FAULT ? (int)x.reason - BENCH_FAULT : -1;
}

static void set_segments(struct x86_cpu *cpu, uint32_t mode)
{
    bool is_16 = !(mode & (X86_MODE_64 | X86_MODE_CS32));
    int64_t last = BENCH_DATA_SIZE - 1;
    struct x86_bounds data = {.read = last, .write = last, .exec = -1};
    cpu->s.cpl = 3;
    cpu->s.efer = X86_EFER_LMA;
    cpu->s.seg[X86_CS].attr = mode & X86_MODE_64 ? X86_DESC_L : 0;
    for (unsigned n = 0; n < X86_SEGS; n++)
        cpu->bounds[n] = (struct x86_bounds){.read = UINT32_MAX, .write = UINT32_MAX, .exec = -1};
    memset(cpu->base, 0, sizeof(cpu->base));
    cpu->base[X86_CS] = is_16 ? BENCH_CODE : 0;
    cpu->base[X86_DS] = cpu->base[X86_ES] = is_16 ? BENCH_DATA : 0;
    if (is_16)
        cpu->bounds[X86_DS] = cpu->bounds[X86_ES] = data;
    cpu->bounds[X86_CS] = (struct x86_bounds){.read = 0xffff, .write = -1, .exec = 0xffff};
}

static void set_vectors(struct x86_cpu *cpu, const struct regs *r)
{
    for (unsigned i = 0; i < 16; i++) {
        memcpy(&cpu->ymm[i][0], &r->v[i][0], 16);
        memcpy(&cpu->ymm[i][1], &r->v[i][2], 16);
    }
    cpu->s.cr4 = X86_CR4_OSXMMEXCPT | X86_CR4_OSFXSR | X86_CR4_OSXSAVE;
    cpu->s.xcr0 = X86_XSTATE_X87 | X86_XSTATE_SSE | X86_XSTATE_AVX;
    x86_set_mxcsr(cpu, r->mxcsr);
}

static void get_vectors(struct x86_cpu *cpu, struct regs *r)
{
    for (unsigned i = 0; i < 16; i++) {
        memcpy(&r->v[i][0], &cpu->ymm[i][0], 16);
        memcpy(&r->v[i][2], &cpu->ymm[i][1], 16);
    }
    r->mxcsr = x86_mxcsr(cpu);
}

static void set_x87(struct x86_cpu *cpu, const struct x87_regs *x)
{
    x87_set_control(cpu, x->fcw);
    x87_set_status(cpu, x->fsw);
    cpu->ftag = ~x->valid & 0xffu;
    cpu->fop = x->fop;
    cpu->fip = x->fip;
    cpu->fdp = x->fdp;
    cpu->fcs = cpu->fds = 0; /* new processors have none; the selectors here are 0 */
    cpu->s.cr0 = X86_CR0_PE | X86_CR0_MP | X86_CR0_NE;
    for (unsigned i = 0; i < 8; i++) {
        cpu->fman[(cpu->ftop + i) & 7] = x->st[i].man;
        cpu->fexp[(cpu->ftop + i) & 7] = (uint32_t)x->st[i].se;
    }
}

static void get_x87(const struct x86_cpu *cpu, struct x87_regs *x)
{
    x->fcw = cpu->s.fcw;
    x->fsw = x87_status(cpu);
    x->valid = ~cpu->ftag;
    x->fop = cpu->fop;
    x->fip = cpu->fip;
    x->fdp = cpu->fdp;
    for (unsigned i = 0; i < 8; i++)
        x->st[i] = (struct x87_st){cpu->fman[(cpu->ftop + i) & 7], cpu->fexp[(cpu->ftop + i) & 7]};
}

void bench_run(struct bench *b, struct regs *r, unsigned len, uint32_t mode)
{
    enum { MAX_UNITS = 10000 };
    struct x86_cpu *cpu = b->cpu;
    memcpy(cpu->r, r->r, sizeof(cpu->r));
    set_flags(cpu, r->flags);
    set_segments(cpu, mode);
    cpu->pc = BENCH_CODE;
    running = b;
    b->alone = b->was_left = false;
    set_vectors(cpu, r);
    set_x87(cpu, &r->x87);
    r->vector = -1;
    for (unsigned i = 0; r->vector < 0 && cpu->pc - BENCH_CODE < len && i < MAX_UNITS; i++)
        r->vector = run_unit(b, len, mode);
    memcpy(r->r, cpu->r, sizeof(cpu->r));
    r->rip = cpu->pc;
    r->flags = eflags_of(cpu);
    get_vectors(cpu, r);
    get_x87(cpu, &r->x87);
}
