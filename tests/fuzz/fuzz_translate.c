/*
 * Any words through the decoder and the translator; the result must satisfy the IR verifier, and
 * both back ends must compile it or say that it is too large.
 *
 * Input: a byte for the configuration, one for flags, eight of pc, then code.
 */
#include "target/riscv/trans.h"
#include "tcg/backend.h"
#include "tcg/codebuf.h"
#include "tests/fuzz/fuzz.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { MAX_INSNS = 64, CODE_BYTES = 16 << 20, SEGMENTS = 4 };

/* Nothing is run. */
static const struct tcg_callbacks no_callbacks;

struct engine {
    const struct tcg_backend *be;
    struct codebuf *cb;
};

static struct engine open_engine(const struct tcg_backend *be)
{
    struct tcg_layout layout = {.slots = rv_slots,
                                .nslots = RV_SLOTS,
                                .pc_slot = RV_SLOT_PC,
                                .request_off = offsetof(struct cpu, request),
                                .cb = no_callbacks};
    const char *why = "?";
    struct engine e = {be, codebuf_new(CODE_BYTES, SEGMENTS, NULL)};
    if (!e.cb || !be->init(&layout, e.cb, &why))
        g_error("%s: %s", be->name, why);
    return e;
}

static void compile(struct engine *e, struct ir *ir, uint64_t pc, bool nochain)
{
    struct compile_opts o = {.page = pc & ~UINT64_C(0xfff), .nochain = nochain};
    struct host_code code = {0};
    const char *why = NULL;
    bool ok = e->be->compile(ir, &o, e->cb, &code, &why);
    if (!ok && !why) { /* what is in the next segment is not used any more */
        codebuf_next_segment(e->cb);
        ok = e->be->compile(ir, &o, e->cb, &code, &why);
    }
    if (!ok && !why)
        g_error("%s: a unit does not fit an empty segment", e->be->name);
    if (!ok)
        return;
    /* One that asks the dispatch cache reports no site. */
    for (unsigned i = 0; i < code.nexits; i++)
        if (code.exits[i].site_off &&
            host_code_exit(&code, (uintptr_t)code.start + code.exits[i].site_off) != (int)i)
            g_error("%s: exit %u is not found by its site", e->be->name, i);
    e->be->release(&code);
}

static uint32_t mode_of(uint64_t bits)
{
    static const uint8_t prv[] = {PRV_U, PRV_S, PRV_M, PRV_M};
    return prv[bits & 3] | (uint32_t)((bits >> 2 & 3) % 3) << RV_MODE_FS_SHIFT |
           (uint32_t)(bits >> 4 & 7) << RV_MODE_FRM_SHIFT | (bits & 0x80 ? RV_MODE_RV32 : 0);
}

static uint64_t extensions_of(uint64_t flags)
{
    uint64_t all = ~(UINT64_C(1) << EXT_E);
    switch (flags & 7) {
    case 0: return UINT64_C(1) << EXT_I;
    case 1: return UINT64_C(1) << EXT_E | UINT64_C(1) << EXT_ZCA;
    case 2: return all & ~(UINT64_C(1) << EXT_ZCA);
    default: return all;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct engine engines[2];
    static struct ir *ir;
    static struct rv_cpu cpu;
    if (!ir) {
        ir = ir_new(rv_slots, RV_SLOTS);
        engines[0] = open_engine(&tcg_interp);
#if defined(__x86_64__)
        engines[1] = open_engine(&tcg_x86_64);
#endif
    }
    struct fuzz_in in = {data, len};
    uint32_t mode = mode_of(fuzz_take(&in, 1));
    uint64_t flags = fuzz_take(&in, 1), pc = fuzz_take(&in, 8) & ~UINT64_C(1);
    struct dis d;
    cpu.ext = extensions_of(flags);
    cpu.xlen = mode & RV_MODE_RV32 ? 32 : 64;
    if (mode & RV_MODE_RV32)
        pc = (uint32_t)pc;
    ir_begin(ir);
    dis_init(&d, ir, &cpu, pc, mode);
    unsigned n = 0;
    for (; !d.ended && in.left >= 2 && n < MAX_INSNS && !ir_full(ir); n++) {
        uint32_t word = fuzz_take(&in, 2);
        bool is_long = (word & 3) == 3;
        dis_insn(&d, is_long ? word | (uint32_t)fuzz_take(&in, 2) << 16 : word, is_long ? 4 : 2);
    }
    if (!d.ended && !n)
        return 0;
    if (!d.ended)
        end_jump(&d, d.pc);
    const char *why = ir_verify(ir);
    if (why) {
        ir_print(ir, stderr);
        g_error("IR verifier: %s", why);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(engines); i++)
        if (engines[i].be)
            compile(&engines[i], ir, pc, flags & 0x80);
    return 0;
}

/* Valid instructions, mostly. */
size_t fuzz_seed(uint64_t random, uint8_t *buf)
{
    GRand *rng = g_rand_new_with_seed((guint32)random);
    size_t n = 10;
    st_le64(buf, random);
    st_le64(buf + 2, g_rand_int(rng) & 1 ? 0x80000ff0 : random >> 7);
    for (unsigned i = g_rand_int_range(rng, 1, 80); i; i--) {
        uint32_t word = rv_decode32_random(g_rand_int(rng) % RV_DECODE32_ROWS, g_rand_int(rng));
        if (g_rand_int(rng) % 8 == 0)
            word = g_rand_int(rng);
        st_le32(buf + n, word);
        n += g_rand_int(rng) % 4 ? 4 : 2;
    }
    g_rand_free(rng);
    return n;
}
