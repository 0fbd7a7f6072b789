/*
 * The x86-64 back end: one backward and one forward pass from a unit of IR to host code.
 *
 * Registers in translated code
 *   rbp            CPU pointer; struct tcg_env lies directly below it
 *   rsp            host stack, 16-byte aligned; SPILL_SLOTS cells for values start here
 *   rbx r12 r13 r14 rdi r8 r9 r10 r11
 *                  slots with pin 1 to 9, in this order: those that C functions keep come first
 *   xmm0..xmm7     floating-point and vector slots with pin 1 to 8
 *   rax rcx rdx rsi r15, xmm8..xmm15, and registers of pins that no slot has
 *                  values
 * Between units and between blocks of a unit nothing but the slots is alive: pinned ones in their
 * registers, others in memory.  The pc slot is never pinned; it is written only on the way out.
 *
 * MXCSR is the guest's while translated code runs: its rounding mode, and its sticky flags are the
 * guest's sticky flags. C code that may unwind runs under the host's MXCSR, with the guest's in
 * env->guest_mxcsr.
 *
 * A guest access checks the first-level TLB in line; accesses of a block off one base are a group
 * with one check, see struct group.  Misses go out of line to stubs that keep every register, so
 * the fast path saves nothing for them.
 *
 * A region (struct compile_opts) keeps other slots in these registers than the pins say, see
 * region.c; it never calls C code that may fault: what its fast paths cannot do leaves it.
 *
 * Files: live.c backward pass - alloc.c where values are - rules_{int,fp,vec,vfp,mem,ctl}.c what is
 * emitted for each op - calls.c helper calls - cold.c out-of-line code - region.c registers of
 * regions - stubs.c shared code - soft.c exact floating point - patch.c chaining and tables - asm.c
 * encoders.
 */
#include "tcg/x86_64/gen_priv.h"
#include "tcg/x86_64/level.h"

#include <assert.h>
#include <cpuid.h>
#include <glib.h>
#include <string.h>

static const uint8_t gpr_pins[] = {RBX, R12, R13, R14, RDI, R8, R9, R10, R11};
static const uint8_t xmm_pins[] = {XMM0, XMM1, XMM2, XMM3, XMM4, XMM5, XMM6, XMM7};

static struct x86_rt runtime; /* written by init, before any translation */

/* --- init --- */
static enum x86_64_level allowed = X86_64_HOST;

void x86_64_limit(enum x86_64_level level)
{
    allowed = level;
}

/* LZCNT and MOVBE are not known to __builtin_cpu_supports of every supported compiler. */
static struct x86_features host_features(void)
{
    unsigned a, b, c, ext = 0, base = 0, leaf7 = 0, d;
    __builtin_cpu_init();
    __get_cpuid(0x80000001, &a, &b, &ext, &d);
    __get_cpuid_count(7, 0, &a, &leaf7, &c, &d);
    __get_cpuid(1, &a, &b, &base, &d);
    bool v2 = allowed >= X86_64_V2, avx = __builtin_cpu_supports("avx") && allowed >= X86_64_V3;
    return (struct x86_features){
        .avx = avx,
        .fma = avx && __builtin_cpu_supports("fma"),
        .f16c = avx && (base >> 29 & 1),
        .aes = v2 && (base >> 25 & 1),
        .pclmul = v2 && (base >> 1 & 1),
        .sha = v2 && (leaf7 >> 29 & 1),
        .bmi1 = avx && __builtin_cpu_supports("bmi"),
        .bmi2 = avx && __builtin_cpu_supports("bmi2"),
        .lzcnt = avx && (ext >> 5 & 1),
        .movbe = avx && (base >> 22 & 1),
        .popcnt = v2 && __builtin_cpu_supports("popcnt"),
        .sse41 = v2 && __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("ssse3"),
        .sse42 = v2 && __builtin_cpu_supports("sse4.2"),
        .avx2 = avx && __builtin_cpu_supports("avx2"),
    };
}

static unsigned pin_register(const struct ir_slot *s)
{
    if (type_is_fp(s->type))
        return s->pin >= 1 && s->pin <= sizeof(xmm_pins) ? xmm_pins[s->pin - 1] : NO_REG;
    if (s->type != I32 && s->type != I64)
        return NO_REG;
    return s->pin >= 1 && s->pin <= sizeof(gpr_pins) ? gpr_pins[s->pin - 1] : NO_REG;
}

/* Which slot is in which register; all others are for values. */
static void assign_registers(struct x86_rt *rt)
{
    struct pin_map *map = &rt->abi;
    memset(map->pin_reg, NO_REG, sizeof(map->pin_reg));
    for (unsigned r = 0; r < X86_NREGS; r++)
        map->reg_slot[r] = NO_SLOT;
    map->pinned = 0;
    for (unsigned i = 0; i < rt->layout.nslots; i++) {
        unsigned r = i == rt->layout.pc_slot ? NO_REG : pin_register(&rt->layout.slots[i]);
        if (r != NO_REG && map->reg_slot[r] != NO_SLOT)
            r = NO_REG;
        map->pin_reg[i] = r;
        if (r == NO_REG)
            continue;
        map->reg_slot[r] = i;
        map->pinned |= REG_BIT(r);
    }
    map->scratch = ~map->pinned & ~(REG_BIT(RSP) | REG_BIT(RBP));
}

enum { STUB_BYTES = 64 << 10 };

static bool x86_64_init(const struct tcg_layout *layout, struct codebuf *cb, const char **why)
{
    uint8_t *rx, *rw = codebuf_reserve(cb, STUB_BYTES, &rx);
    if (!rw || cb->stub_end) {
        *why = "no room for the shared code at the start of the code buffer";
        return false;
    }
    runtime.layout = *layout;
    runtime.has = host_features();
    runtime.pc_off = layout->slots[layout->pc_slot].off;
    assign_registers(&runtime);
    struct x86_code c = {.p = rw, .to_rx = rx - rw};
    stubs_emit(&runtime, &c);
    assert(c.p - rw <= STUB_BYTES);
    codebuf_commit(cb, c.p - rw);
    cb->stub_end = cb->used;
    return true;
}

/* --- compile --- */
static struct gen *thread_gen(void)
{
    static GPrivate key = G_PRIVATE_INIT(g_free);
    struct gen *g = g_private_get(&key);
    if (!g) {
        g = g_new(struct gen, 1);
        g->open = (struct open_sets){0};
        g->group_epoch = 0;
        g_private_set(&key, g);
    }
    return g;
}

static rule_fn rule_of(unsigned opc)
{
    if (rules_int[opc])
        return rules_int[opc];
    if (rules_flags[opc])
        return rules_flags[opc];
    if (rules_mem[opc])
        return rules_mem[opc];
    if (rules_fp[opc])
        return rules_fp[opc];
    if (rules_vec[opc])
        return rules_vec[opc];
    if (rules_sse[opc])
        return rules_sse[opc];
    if (rules_x87[opc])
        return rules_x87[opc];
    return rules_vfp[opc] ? rules_vfp[opc] : rules_ctl[opc];
}

static bool is_256(const struct gen *g, const struct ir_op *op)
{
    return op->type == V256 || (ir_desc(op)->nargs && ir_desc(op)->result != IR_VOID &&
                                ir_val_type(g->ir, op->arg[0]) == V256);
}

static bool emits_nothing(const struct ir_op *op, const struct val *x)
{
    if (x->fused || (!x->last && ir_op_removable(op)))
        return true;
    return opc_is_alias(op->opc) && !ir_val_is_const(op->arg[0]); /* an alias */
}

static void compile_op(struct gen *g, uint32_t i)
{
    const struct ir_op *op = &g->ir->ops[i];
    g->cur = i;
    g->op = op;
    if (emits_nothing(op, &g->val[i]))
        return;
    g->vl = g->wide && is_256(g, op) ? X_L : 0;
    if (!g->wide && op->type == V256)
        g->why = "vectors of 256 bits are not supported by this back end";
    else
        rule_of(op->opc)(g, op);
    ra_op_end(g);
    g->vl = 0;
    if (g->c.p > g->limit)
        g->why = "unit too large";
}

static void compile_block(struct gen *g, unsigned blk)
{
    const struct ir_block *b = &g->ir->blocks[blk];
    g->label[blk] = g->c.p;
    g->zero_at = g->zero_xmm_at = g->known.at = NULL; /* flags may come from elsewhere */
    g->x87_is_live = false;
    late_block_begin(g, b);
    live_block(g, b);
    ra_block_begin(g);
    for (uint32_t i = b->first; i < b->end && !g->why; i++)
        compile_op(g, i);
}

/* Whether every instruction of 256 bits that a guest may have is one here. */
static bool has_256(const struct x86_rt *rt)
{
    return rt->has.avx2 && rt->has.fma && rt->has.f16c;
}

static bool x86_64_takes_wide(void)
{
    return has_256(&runtime);
}

static void compile_unit(struct gen *g)
{
    g->nlate = g->nlate_copies = 0;
    g->nfixups = g->nexits = g->nmarks = g->ncold = 0;
    g->mark = NO_VAL;
    g->zero_at = g->zero_xmm_at = g->known.at = NULL;
    g->why = NULL;
    g->cur = 0;
    g->op = NULL;
    for (unsigned i = 0; i < g->ir->nblocks; i++)
        g->label[i] = NULL;
    g->vl = 0;
    g->wide = ir_is_wide(g->ir);
    if (g->wide && !(g->o->region && has_256(g->rt)))
        g->why = "vectors of 256 bits where there are none";
    g->map = &g->rt->abi;
    if (g->o->relative)
        emit_arrival(g);
    g->chain_off = g->c.p - g->rw;
    if (g->o->region) {
        region_assign(g);
        g->map = &g->region.map;
        region_enter(g);
    }
    if (g->o->poll_always)
        emit_entry_poll(g);
    for (g->at = 0; g->at < g->ir->norder && !g->why; g->at++)
        compile_block(g, g->ir->order[g->at]);
    for (unsigned i = 0; i < g->nfixups && !g->why; i++)
        if (!g->label[g->fixups[i].blk])
            g->why = "a branch to a block that was never begun";
    for (unsigned i = 0; i < g->nfixups && !g->why; i++)
        x86_link(g->fixups[i].field, g->label[g->fixups[i].blk]);
}

/* Room that any unit of this many operations fits in; the limit is checked op by op all the same.
 */
static size_t room_for(const struct ir *ir)
{
    return (size_t)ir->nops * 192 + 4096 + 2 * MAX_OP_BYTES;
}

static bool x86_64_compile(struct ir *ir, const struct compile_opts *o, struct codebuf *cb,
                           struct host_code *out, const char **why)
{
    struct gen *g = thread_gen();
    uint8_t *rx;
    size_t room = room_for(ir);
    *out = (struct host_code){0};
    *why = NULL;
    g->rw = codebuf_reserve(cb, room, &rx);
    if (!g->rw) {
        if (room > cb->seg_size - cb->stub_end)
            *why = "unit too large";
        return false;
    }
    g->c = (struct x86_code){.p = g->rw, .to_rx = rx - g->rw, .pool = runtime.pool};
    g->limit = g->rw + room - MAX_OP_BYTES;
    g->rt = &runtime;
    g->ir = ir;
    g->o = o;
    compile_unit(g);
    out->cold_off = g->c.p - g->rw;
    g->nlate = 0;
    if (!g->why)
        cold_emit_all(g);
    *why = g->why;
    if (g->why)
        return false;
    out->start = rx;
    out->size = g->c.p - g->rw;
    out->chain_off = g->chain_off;
    out->relative = o->relative;
    out->page = o->page;
    x86_publish_tables(g, out);
    codebuf_commit(cb, out->size);
    return true;
}

static struct tcg_exit x86_64_enter(void *cpu, const struct host_code *hc)
{
    return runtime.enter(cpu, hc->start + hc->chain_off);
}

NORETURN static void x86_64_unwind(void *cpu, uint32_t reason)
{
    runtime.unwind(cpu, reason);
    unreachable();
}

const struct tcg_backend tcg_x86_64 = {
    .name = "x86_64",
    .is_native = true,
    .init = x86_64_init,
    .compile = x86_64_compile,
    .release = host_code_free,
    .enter = x86_64_enter,
    .unwind = x86_64_unwind,
    .patch = x86_patch,
    .restore = x86_restore,
    .takes_wide = x86_64_takes_wide,
};
