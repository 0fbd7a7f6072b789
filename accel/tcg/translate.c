/* From guest bytes to a published unit: fetch, target's translator, back end. */
#include "accel/tcg/tcg_priv.h"
#include "util/bits.h"
#include "util/log.h"

#include <string.h>
#include <time.h>

struct tx {
    struct tcg_vcpu *v;
    struct unit *u;
    struct ir *ir;
    gva start; /* of what is being translated: the unit, or a block of a region */
    struct tlb_entry first,
        second; /* pages of the unit; second.host is NULL until an instruction reaches into it */
    unsigned max_insns;
    bool fault; /* the rest of the first instruction cannot be fetched */
    gva fault_addr;
    uint32_t cause;
};

struct ir *tx_ir(struct tx *tx)
{
    return tx->ir;
}
struct cpu *tx_cpu(struct tx *tx)
{
    return tx->v->cpu;
}
gva tx_start(const struct tx *tx)
{
    return tx->start;
}
uint32_t tx_mode(const struct tx *tx)
{
    return tx->u->mode & ~UNIT_ALONE;
}
unsigned tx_max_insns(const struct tx *tx)
{
    return tx->max_insns;
}
bool tx_break_at(const struct tx *tx, gva pc)
{
    return break_at(tx->v, pc, tx->u->relative);
}
bool tx_same_page(const struct tx *tx, gva pc)
{
    return !((pc ^ tx->u->pc) & PAGE_MASK_);
}

/* False, for the sake of the callers. */
static bool fetch_fault(struct tx *tx, gva pc, const struct tlb_entry *e)
{
    if (e)
        tx->cause = GUEST_CAUSE_BUS;
    tx->fault = true;
    tx->fault_addr = pc;
    return false;
}

static void set_relative(struct tx *tx, bool relative)
{
    tx->u->relative = relative;
    tx->u->key = relative ? ANY_PC : tx->u->pc;
    ir_set_relative(tx->ir, relative, tx->u->pc & PAGE_MASK_);
}

/* The page after the first one: only the unit's first instruction may reach into it. */
static bool open_second_page(struct tx *tx, gva pc) NO_THREAD_ANALYSIS /* under codegen */
{
    struct tcg_vcpu *v = tx->v;
    if (tx->second.host)
        return true;
    if (ir_insn_pcs(tx->ir, NULL, 0)) /* an instruction has been read whole */
        return false;
    struct tlb_entry *e =
        tlb_get(v, pc & PAGE_MASK_, GUEST_FETCH, v->ops->fetch_idx(v->cpu), &tx->cause);
    if (!e || !e->host)
        return fetch_fault(tx, pc, e);
    tx->second = *e;
    code_page_protect(v, &tx->second, 1);
    set_relative(tx, false);
    tx->u->page2 = tx->second.host;
    tx->u->global &= tx->second.flags & L2_GLOBAL;
    return true;
}

/* The parts of a page with mixed permissions are asked for one by one. */
static bool may_fetch(struct tx *tx, gva pc)
{
    if (LIKELY(!(tx->u->mode & UNIT_STRICT)) || pc == tx->u->pc)
        return true;
    struct tcg_vcpu *v = tx->v;
    const struct tlb_entry *e = tlb_get(v, pc, GUEST_FETCH, v->ops->fetch_idx(v->cpu), &tx->cause);
    return (e && e->host) || fetch_fault(tx, pc, e);
}

bool tx_fetch8(struct tx *tx, gva pc, uint8_t *out)
{
    uint64_t granule = UINT64_C(1) << ((pc & ~PAGE_MASK_) >> GRANULE_BITS);
    tx->u->len = MAX(tx->u->len, pc + 1 - tx->u->pc);
    if (LIKELY(tx_same_page(tx, pc))) {
        if (!may_fetch(tx, pc))
            return false;
        *out = tx->first.host[pc & ~PAGE_MASK_];
        tx->u->granules |= granule;
        return true;
    }
    if (!tx_same_page(tx, pc - PAGE_SIZE_) || !open_second_page(tx, pc))
        return false;
    *out = tx->second.host[pc & ~PAGE_MASK_];
    tx->u->granules2 |= granule;
    return true;
}

bool tx_fetch16(struct tx *tx, gva pc, uint16_t *out)
{
    uint64_t granule = UINT64_C(1) << ((pc & ~PAGE_MASK_) >> GRANULE_BITS);
    tx->u->len = MAX(tx->u->len, pc + 2 - tx->u->pc);
    if (tx_same_page(tx, pc)) {
        if (!may_fetch(tx, pc))
            return false;
        *out = ld_le16(tx->first.host + (pc & ~PAGE_MASK_));
        tx->u->granules |= granule;
        return true;
    }
    if (!tx_same_page(tx, pc - 2) || !open_second_page(tx, pc))
        return false;
    *out = ld_le16(tx->second.host + (pc & ~PAGE_MASK_));
    tx->u->granules2 |= granule;
    return true;
}

bool tx_fetch32(struct tx *tx, gva pc, uint32_t *out)
{
    uint16_t lo, hi;
    if (!tx_fetch16(tx, pc, &lo) || !tx_fetch16(tx, pc + 2, &hi))
        return false;
    *out = lo | (uint32_t)hi << 16;
    return true;
}

/* --- compile and publish
 * --------------------------------------------------------------------------------------------- */
static void check_ir(const struct ir *ir)
{
#if defined(TCG_VERIFY) && TCG_VERIFY
    const char *wrong = ir_verify(ir);
    if (!wrong)
        return;
    ir_print(ir, stderr);
    g_error("IR verifier: %s", wrong);
#else
    (void)ir;
#endif
}

/* CPU time of this thread for the statistics, 0 when nobody wants them: the clock is a system call.
 */
static uint64_t cpu_ns(void)
{
    struct timespec ts;
    if (!log_enabled(LOG_STATS))
        return 0;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void next_segment(struct tcg_vcpu *v)
{
    struct tcg *t = v->tcg;
    excl_begin(t, v);
    unsigned seg = codebuf_next_segment(t->cb);
    units_evict_segment(t, seg);
    atomic_fetch_add(&t->evictions, 1);
    excl_end(t, v);
}

/* Both engines' code must lie in one segment, since they are evicted together. */
static bool compile_here(struct tcg *t, struct ir *ir, struct unit *u, const struct compile_opts *o,
                         const char **why)
{
    if (!t->be->compile(ir, o, t->cb, &u->code, why))
        return false;
    if (!t->be_ref || t->be_ref->compile(ir, o, t->cb, &u->ref, why))
        return true;
    t->be->release(&u->code);
    host_code_free(&u->code);
    return false;
}

/* False: the unit is too large for the back end. */
static bool compile(struct tcg_vcpu *v, struct ir *ir, struct unit *u) REQUIRES(v->tcg->codegen)
{
    struct tcg *t = v->tcg;
    struct compile_opts o = {.page = u->pc & PAGE_MASK_,
                             .relative = u->relative,
                             .region = ir == v->region_ir && !t->lockstep,
                             .one_cpu = t->m->ncpus == 1,
                             .nochain = t->lockstep || (u->mode & UNIT_STEP) ||
                                        log_enabled(LOG_EXEC | LOG_CPU | LOG_NOCHAIN)};
    const char *why = NULL;
    for (unsigned tries = 0; !compile_here(t, ir, u, &o, &why); tries++) {
        if (why || tries > 1)
            return false;
        next_segment(v);
    }
    u->segment = codebuf_segment_of(t->cb, u->code.start);
    u->out = g_new0(struct unit *, u->code.nexits + 1);
    return true;
}

static void announce(struct tcg_vcpu *v, const struct unit *u)
{
    if (log_enabled(LOG_OUT_ASM) && log_wants_code(u->pc, u->len))
        dump_out_asm(v, u);
    if (v->tcg->perf_map)
        perf_map_add(v->tcg, u);
}

static void count_and_log(struct tcg_vcpu *v, struct unit *u, uint64_t start)
{
    v->stats.units++;
    v->stats.relative += u->relative;
    v->stats.insns += u->insns;
    v->stats.host_bytes += u->code.size;
    v->stats.translate_ns += start ? cpu_ns() - start : 0;
    announce(v, u);
}

static void log_ir_as(const struct ir *ir, const char *title)
{
    FILE *f = log_begin();
    fprintf(f, "%s:\n", title);
    ir_print(ir, f);
    log_end();
}

static void log_ir(struct tcg_vcpu *v, struct ir *ir, const struct unit *u)
{
    if (!log_wants_code(u->pc, u->len))
        return;
    if (log_enabled(LOG_IN_ASM)) {
        gva pcs[UNIT_MAX_INSNS * 2];
        unsigned n = MIN(ir_insn_pcs(ir, pcs, G_N_ELEMENTS(pcs)), G_N_ELEMENTS(pcs));
        dump_in_asm(v, u, pcs, n);
    }
    if (log_enabled(LOG_OP))
        log_ir_as(ir, "OP");
    if (log_enabled(LOG_OPT)) {
        ir_remove_dead(ir);
        log_ir_as(ir, "OP after optimization");
    }
}

static void publish(struct tcg *t, struct tx *tx) REQUIRES(t->lock)
{
    code_page_get(t, tx->first.host, true, &tx->first);
    if (tx->second.host)
        code_page_get(t, tx->second.host, true, &tx->second);
    tx->u->valid = true;
    unit_publish(t, tx->u);
}

/* Compiled, or a fault is due.  A unit whose code has been stored to meanwhile is thrown away. */
static void finish(struct tcg_vcpu *v, struct tx *tx, uint64_t start)
{
    struct tcg *t = v->tcg;
    struct unit *u = tx->u;
    u->insns = ir_insn_pcs(tx->ir, NULL, 0);
    u->impure = ir_has_hidden_effects(tx->ir);
    mutex_lock(&t->lock);
    bool good = smc_end_making(t, u) && !tx->fault;
    if (good)
        publish(t, tx);
    mutex_unlock(&t->lock);
    if (good)
        count_and_log(v, u, start);
    else
        unit_free(t, u);
}

/* Translate at most n instructions from pc on into ir, behind what is there. */
static void translate_into(struct tx *tx, struct ir *ir, gva pc, unsigned n)
{
    tx->ir = ir;
    set_relative(tx, tx->u->relative);
    tx->start = pc;
    tx->max_insns = n;
    if (LIKELY(!tx->v->tcg->counting.cpu)) {
        tx->v->ops->translate(tx);
        return;
    }
    unsigned none_left = count_begin_unit(ir);
    tx->v->ops->translate(tx);
    count_end_unit(tx->v, ir, none_left, pc);
}

static void region_translate(void *tx, struct ir *ir, uint64_t pc, unsigned n)
{
    translate_into(tx, ir, pc, n);
}

/* What was read before does not count as part of the unit. */
static void region_chosen(void *opaque)
{
    struct tx *tx = opaque;
    tx->u->granules = tx->u->granules2 = 0;
}

static void run_translator(struct tx *tx, unsigned max_insns)
{
    tx->u->granules = 0;
    tx->u->len = 0;
    ir_begin(tx->v->ir);
    translate_into(tx, tx->v->ir, tx->u->pc, max_insns);
    if (!tx->fault)
        check_ir(tx->ir);
}

static uint32_t unit_mode(const struct tcg_vcpu *v, const struct tlb_entry *e)
{
    return v->mode | (e->kept ? 0 : UNIT_STRICT) | (UNLIKELY(v->single) ? UNIT_STEP : 0);
}

/* Code of one address space that is seen at several virtual addresses is translated once for all of
 * them. */
static bool may_move(const struct tcg_vcpu *v, const struct tlb_entry *e)
{
    return !(e->flags & L2_GLOBAL) && e->kept && !(v->mode & v->ops->narrow_modes);
}

static bool moves(const struct tcg_vcpu *v, const struct tlb_entry *e)
{
    return may_move(v, e) && __atomic_load_n(e->note, __ATOMIC_RELAXED) & RAM_PAGE_MOVES;
}

/* What starts where a breakpoint is in some page must be found in its own page only. */
static bool may_start_relative(const struct tcg_vcpu *v, gva pc, const struct tlb_entry *e)
{
    return may_move(v, e) && !break_at(v, pc, true);
}

static struct unit *unit_new(struct tcg_vcpu *v, gva pc, const struct tlb_entry *e)
{
    struct unit *u = g_new0(struct unit, 1);
    u->pc = u->key = pc;
    u->host = e->host + (pc & ~PAGE_MASK_);
    u->mode = unit_mode(v, e);
    u->global = e->flags & L2_GLOBAL;
    u->relative = moves(v, e) && may_start_relative(v, pc, e);
    return u;
}

bool unit_make(struct tcg_vcpu *v, gva pc, const struct tlb_entry *e)
{
    uint64_t start = cpu_ns();
    struct unit *u = unit_new(v, pc, e);
    struct tx tx = {.v = v, .u = u, .first = *e};
    mutex_lock(&v->tcg->codegen);
    code_page_protect(v, &tx.first, 0);
    if (!u->relative && may_start_relative(v, pc, e))
        u->relative = !code_page_settle(v, pc, e);
    bool one = v->tcg->one_insn || (u->mode & UNIT_ALONE);
    for (unsigned max = one ? 1 : UNIT_MAX_INSNS;; max /= 2) {
        run_translator(&tx, max);
        if (tx.fault)
            break;
        log_ir(v, v->ir, u);
        if (compile(v, v->ir, u))
            break;
        if (max <= 1)
            g_error("one guest instruction at %#lx does not fit the back end", (unsigned long)pc);
    }
    finish(v, &tx, start);
    mutex_unlock(&v->tcg->codegen);
    if (!tx.fault)
        return true;
    v->ops->raise_fault(v->cpu, tx.fault_addr, GUEST_FETCH, v->ops->fetch_idx(v->cpu), tx.cause);
    return false;
}

static void count_region(struct tcg_vcpu *v, struct unit *u, uint64_t start)
{
    v->stats.regions++;
    v->stats.region_insns += u->insns;
    v->stats.region_bytes += u->code.size;
    v->stats.region_ns += start ? cpu_ns() - start : 0;
    announce(v, u);
}

/* A region is no use if the unit at its head is gone meanwhile. */
static bool publish_region(struct tcg_vcpu *v, struct tx *tx)
{
    struct tcg *t = v->tcg;
    struct unit *u = tx->u;
    mutex_lock(&t->lock);
    bool good = smc_end_making(t, u);
    struct unit *base = unit_lookup(t, u->host, u->key, u->mode);
    if (base && good && u->code.start) {
        u->base = base;
        publish(t, tx);
        unit_set_region(t, base, u, v);
    } else if (base) {
        atomic_store(&base->no_region, good);
    }
    mutex_unlock(&t->lock);
    return u->base;
}

/* Under lockstep the interpreter runs them, too. */
static bool takes_wide_regions(const struct tcg *t)
{
    return !t->lockstep && t->be->takes_wide && t->be->takes_wide();
}

void unit_make_region(struct tcg_vcpu *v, gva pc, const struct tlb_entry *e)
{
    uint64_t start = cpu_ns();
    struct unit *u = unit_new(v, pc, e);
    struct tx tx = {.v = v, .u = u, .first = *e};
    mutex_lock(&v->tcg->codegen);
    code_page_protect(v, &tx.first, 0);
    struct region_source source = {&tx, region_translate, region_chosen, v->tcg->lockstep,
                                   takes_wide_regions(v->tcg)};
    if (region_build(v->region_ir, v->ir, &source, pc)) {
        check_ir(v->region_ir);
        log_ir(v, v->region_ir, u);
        compile(v, v->region_ir, u);
        u->insns = ir_insn_pcs(v->region_ir, NULL, 0);
        u->impure = ir_has_hidden_effects(v->region_ir);
    }
    if (publish_region(v, &tx)) {
        count_region(v, u, start);
    } else {
        v->stats.no_regions++;
        unit_free(v->tcg, u);
    }
    mutex_unlock(&v->tcg->codegen);
}

/* A unit that reaches into a second page holds only while that page is mapped as it was. */
static bool second_page_agrees(struct tcg_vcpu *v, struct unit *u)
{
    uint32_t cause;
    if (!u->page2)
        return true;
    const struct tlb_entry *e = tlb_get(v, (u->pc & PAGE_MASK_) + PAGE_SIZE_, GUEST_FETCH,
                                        v->ops->fetch_idx(v->cpu), &cause);
    if (!e || e->host != u->page2)
        return false;
    if (!(e->flags & L2_GLOBAL))
        u->global = v->found_global = false;
    return true;
}

/* The end of a strict unit's instruction; where it cannot be fetched, making it anew raises. */
static bool end_agrees(struct tcg_vcpu *v, const struct unit *u)
{
    uint32_t cause;
    if (LIKELY(!(u->mode & UNIT_STRICT)))
        return true;
    const struct tlb_entry *e =
        tlb_get(v, u->pc + u->len - 1, GUEST_FETCH, v->ops->fetch_idx(v->cpu), &cause);
    return e && e->host;
}

/* Units that reach into a second page are for one virtual address everywhere. */
static struct unit *find_unit(struct tcg_vcpu *v, gva pc, const struct tlb_entry *e)
{
    const uint8_t *host = e->host + (pc & ~PAGE_MASK_);
    uint32_t mode = unit_mode(v, e);
    struct unit *u = moves(v, e) ? unit_lookup(v->tcg, host, ANY_PC, mode) : NULL;
    return u ? u : unit_lookup(v->tcg, host, pc, mode);
}

struct unit *unit_find(struct tcg_vcpu *v, gva pc, struct tlb_entry *e)
{
    uint32_t cause = 0;
    unsigned idx = v->ops->fetch_idx(v->cpu);
    struct tlb_entry *found = tlb_get(v, pc, GUEST_FETCH, idx, &cause);
    if (UNLIKELY(!found || !found->host)) {
        v->ops->raise_fault(v->cpu, pc, GUEST_FETCH, idx, found ? GUEST_CAUSE_BUS : cause);
        e->host = NULL;
        return NULL;
    }
    *e = *found;
    struct unit *u = find_unit(v, pc, e);
    if (!u)
        return NULL;
    v->found_global = e->flags & L2_GLOBAL;
    if (!v->found_global && u->global)
        u->global = false; /* the same code, found through another mapping */
    if (second_page_agrees(v, u) && end_agrees(v, u)) {
        v->stats.hash_hits++;
        return u;
    }
    mutex_lock(&v->tcg->lock);
    unit_invalidate(v->tcg, u, v);
    mutex_unlock(&v->tcg->lock);
    return NULL;
}
