/*
 * -accel tcg,lockstep=on: every unit runs in the interpreter first, is undone, then runs as host
 * code; the first difference in slots, memory, FP flags or outcome stops the program with both
 * states printed.
 *
 * Units that call helpers with effects, or touch device registers, run once only.  Stores go
 * through the slow path (the first-level TLB stays empty), which logs what they overwrite.
 */
#include "accel/tcg/tcg_priv.h"
#include "util/log.h"

#include <stdlib.h>
#include <string.h>

enum { SNAP_BYTES = 16, MXCSR_FLAGS = 0x3d /* DE is not a flag of every guest */ };

static unsigned slot_size(const struct ir_slot *s)
{
    return s->type == I32 || s->type == F32 ? 4 : s->type == V128 ? 16 : 8;
}

static void save_slots(struct tcg_vcpu *v, uint8_t *snap)
{
    for (unsigned i = 0; i < v->ops->nslots; i++)
        memcpy(snap + i * SNAP_BYTES, (char *)v->cpu + v->ops->slots[i].off,
               slot_size(&v->ops->slots[i]));
}
static void load_slots(struct tcg_vcpu *v, const uint8_t *snap)
{
    for (unsigned i = 0; i < v->ops->nslots; i++)
        memcpy((char *)v->cpu + v->ops->slots[i].off, snap + i * SNAP_BYTES,
               slot_size(&v->ops->slots[i]));
}

void lockstep_log_store(struct tcg_vcpu *v, uint8_t *host, unsigned size, uint64_t val)
{
    if (v->phase != LOCKSTEP_DRY)
        return;
    if (v->nlog == STORE_LOG) {
        v->uncomparable = true;
        v->current_be->unwind(v->cpu, 0);
    }
    struct store_log *l = &v->log[v->nlog++];
    *l = (struct store_log){.host = host, .size = size, .val = val};
    memcpy(&l->old, host, size);
}

/* Note what the dry run left in memory, then put the old bytes back, newest first. */
static void undo_stores(struct tcg_vcpu *v)
{
    for (unsigned i = 0; i < v->nlog; i++) {
        v->log[i].val = 0;
        memcpy(&v->log[i].val, v->log[i].host, v->log[i].size);
    }
    for (unsigned i = v->nlog; i-- > 0;)
        memcpy(v->log[i].host, &v->log[i].old, v->log[i].size);
}

/* Wide slots have a line for each half, the lower first. */
static void print_slot(struct tcg_vcpu *v, FILE *f, unsigned i)
{
    const struct ir_slot *s = &v->ops->slots[i];
    unsigned size = slot_size(s);
    for (unsigned off = 0; off < size; off += 8) {
        uint64_t a = 0, b = 0, before = 0;
        unsigned n = MIN(size - off, 8);
        memcpy(&a, v->snap_after + i * SNAP_BYTES + off, n);
        memcpy(&before, v->snap_before + i * SNAP_BYTES + off, n);
        memcpy(&b, (const char *)v->cpu + s->off + off, n);
        fprintf(f, "%c %-10s before %016lx  interp %016lx  host code %016lx\n", a == b ? ' ' : '*',
                off ? "" : s->name, (unsigned long)before, (unsigned long)a, (unsigned long)b);
    }
}

static void print_difference(struct tcg_vcpu *v, FILE *f)
{
    for (unsigned i = 0; i < v->ops->nslots; i++)
        print_slot(v, f, i);
    for (unsigned i = 0; i < v->nlog; i++) {
        uint64_t now = 0;
        memcpy(&now, v->log[i].host, v->log[i].size);
        fprintf(f, "%c store of %u bytes at host %p: interp %lx  host code %lx\n",
                now == v->log[i].val ? ' ' : '*', v->log[i].size, (void *)v->log[i].host,
                (unsigned long)v->log[i].val, (unsigned long)now);
    }
}

static bool same_slots(struct tcg_vcpu *v)
{
    for (unsigned i = 0; i < v->ops->nslots; i++)
        if (memcmp(v->snap_after + i * SNAP_BYTES, (char *)v->cpu + v->ops->slots[i].off,
                   slot_size(&v->ops->slots[i])))
            return false;
    return true;
}
static bool same_memory(struct tcg_vcpu *v)
{
    for (unsigned i = 0; i < v->nlog; i++)
        if (memcmp(v->log[i].host, &v->log[i].val, v->log[i].size))
            return false;
    return true;
}

static NORETURN void stop(struct tcg_vcpu *v, const struct unit *u, const char *what,
                          uint32_t fp_interp, uint32_t fp_host)
{
    FILE *f = log_begin();
    fprintf(f, "lockstep: %s differ after the unit at pc %#lx (mode %#x, %u instructions)\n", what,
            (unsigned long)u->pc, u->mode, u->insns);
    fprintf(f, "FP flags: interp %#x  host code %#x\n", fp_interp, fp_host);
    print_difference(v, f);
    log_end();
    log_warn("lockstep: %s differ after the unit at pc %#lx: see the log", what,
             (unsigned long)u->pc);
    exit(1);
}

/* The interpreter's run; false when the unit cannot be compared (its effects are undone either
 * way). */
static bool dry_run(struct tcg_vcpu *v, struct unit *u, struct tcg_exit *x, uint32_t *mxcsr)
{
    struct tcg_env *env = tcg_env(v->cpu);
    uint32_t before = env->guest_mxcsr;
    save_slots(v, v->snap_before);
    v->phase = LOCKSTEP_DRY;
    v->nlog = 0;
    v->uncomparable = v->dry_fault = v->check_fault = false;
    struct unit ref = *u;
    ref.code = u->ref;
    v->current = &ref;
    v->current_be = v->tcg->be_ref;
    *x = v->tcg->be_ref->enter(v->cpu, &u->ref);
    *mxcsr = env->guest_mxcsr;
    save_slots(v, v->snap_after);
    undo_stores(v);
    load_slots(v, v->snap_before);
    env->guest_mxcsr = before;
    v->phase = LOCKSTEP_OFF;
    v->current = NULL;
    v->current_be = v->tcg->be;
    return !v->uncomparable && x->kind != TCG_EXIT_REQUEST;
}

/* Units end differently in kind (a direct exit against a look-up), so what counts is where: the pc
 * slot. */
static void settle_pc(struct tcg_vcpu *v, struct tcg_exit x)
{
    if (x.kind != TCG_EXIT_DIRECT)
        return;
    struct unit *from = unit_by_address(v->tcg, x.site);
    int n = from ? host_code_exit(&from->code, x.site) : -1;
    if (n < 0)
        return;
    uint64_t pc = host_code_pc(&from->code, v->cpu, from->code.exits[n].pc);
    memcpy((char *)v->cpu + v->ops->slots[v->ops->pc_slot].off, &pc, 8);
}

struct tcg_exit lockstep_run(struct tcg_vcpu *v, struct unit *u)
{
    struct tcg_exit ref;
    uint32_t fp_ref = 0;
    if (u->impure || !dry_run(v, u, &ref, &fp_ref))
        return v->tcg->be->enter(v->cpu, &u->code);
    bool dry_fault = v->dry_fault;
    v->phase = LOCKSTEP_CHECK;
    struct tcg_exit x = v->tcg->be->enter(v->cpu, &u->code);
    v->phase = LOCKSTEP_OFF;
    uint32_t fp = tcg_env(v->cpu)->guest_mxcsr;
    if (x.kind == TCG_EXIT_REQUEST)
        return x; /* left early: nothing to compare */
    if (dry_fault != v->check_fault)
        stop(v, u, "outcomes (one faulted)", fp_ref, fp);
    settle_pc(v, x);
    if (!same_memory(v))
        stop(v, u, "stores", fp_ref, fp);
    if (!dry_fault && !same_slots(v))
        stop(v, u, "registers", fp_ref, fp);
    if ((fp_ref ^ fp) & MXCSR_FLAGS)
        stop(v, u, "FP flags", fp_ref, fp);
    return x;
}
