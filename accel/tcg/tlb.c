/*
 * The soft MMU: what misses in the first level is looked for in the second, then in the guest's
 * page tables.
 */
#include "accel/tcg/tlb_priv.h"
#include "util/bits.h"
#include "util/log.h"

#include <string.h>

/* Whether the 2^bits bytes around addr lie in the range. */
static bool lies_in(const struct flat_range *r, gpa addr, unsigned bits)
{
    gpa first = addr >> bits << bits;
    return first >= r->base && first - r->base <= r->size &&
           r->size - (first - r->base) >= UINT64_C(1) << bits;
}
static bool is_memory(const struct mem_region *mr)
{
    return mr->kind == MEM_RAM || (mr->kind == MEM_ROM && (!mr->rom_device || mr->romd));
}

/* Describe what lies at the physical page of w->addr, which range r holds. */
static void describe_page(struct tlb_entry *e, const struct flat_range *r,
                          const struct guest_walk *w)
{
    gpa page = w->addr & PAGE_MASK_;
    e->mr = r->mr;
    e->mr_off = page - r->base + r->mr_off; /* wraps when the range starts inside the page: then
                                               unused */
    e->kept = lies_in(r, w->addr, TCG_PAGE_BITS) && is_memory(r->mr);
    if (!e->kept)
        return;
    e->ram = r->mr->ram;
    e->ram_off = r->mr->ram_off + e->mr_off;
    e->host = e->ram->host + e->ram_off;
    e->note = e->ram->notes + (e->ram_off >> RAM_PAGE_BITS);
    if (r->mr->kind == MEM_ROM)
        e->prot &= ~(1u << GUEST_WRITE);
}

static const char *const access_names[] = {
    [GUEST_READ] = "read", [GUEST_WRITE] = "write", [GUEST_FETCH] = "fetch"};

static void log_no_page(const struct tcg_vcpu *v, gva addr, enum guest_access access,
                        uint32_t cause)
{
    log_printf(LOG_MMU, "mmu: cpu %u: no page for %s at 0x%016lx, cause %u\n", v->cpu->index,
               access_names[access], (unsigned long)addr, cause);
}

static void log_fill(const struct tcg_vcpu *v, gva addr, enum guest_access access, unsigned idx,
                     const struct tlb_entry *e, const struct guest_walk *w)
{
    log_printf(LOG_MMU,
               "mmu: cpu %u: fill for %s at 0x%016lx, index %u, asid %u: physical 0x%lx "
               "(%s), page of 2^%u bytes, %c%c%c%s%s\n",
               v->cpu->index, access_names[access], (unsigned long)addr, idx, v->asid,
               (unsigned long)w->addr, e->mr->name, w->page_bits,
               e->prot >> GUEST_READ & 1 ? 'r' : '-', e->prot >> GUEST_WRITE & 1 ? 'w' : '-',
               e->prot >> GUEST_FETCH & 1 ? 'x' : '-', e->flags & L2_GLOBAL ? ", global" : "",
               e->host ? "" : ", registers");
}

/* How much of the mapping one entry for addr may serve: log2 of the bytes. */
static unsigned entry_bits(const struct tcg_vcpu *v, gva addr, const struct guest_walk *w,
                           const struct flat_range *r)
{
    bool large = w->page_bits >= TCG_LARGE_BITS && w->alike_bits >= TCG_LARGE_BITS &&
                 lies_in(r, w->addr, TCG_LARGE_BITS) && !watch_near(v, addr, TCG_LARGE_BITS);
    return large ? TCG_LARGE_BITS : TCG_PAGE_BITS;
}

/* --- pages of devices
 * -----------------------------------------------------------------------------------------------
 */
static uint64_t device_tag(gva addr, unsigned idx)
{
    return (addr & PAGE_MASK_) | idx;
}

static struct tlb_device *device_at(struct tcg_vcpu *v, gva addr)
{
    return &v->devices[addr >> TCG_PAGE_BITS & (DEVICE_PAGES - 1)];
}

/* Where all of the page is one device's and may be accessed alike. */
static void keep_device(struct tcg_vcpu *v, const struct tlb_entry *e, gva addr, unsigned idx,
                        const struct flat_range *r, const struct guest_walk *w)
{
    if (r->mr->kind == MEM_MMIO && lies_in(r, w->addr, TCG_PAGE_BITS) &&
        w->page_bits >= TCG_PAGE_BITS && !w->uncached && !e->asks && !e->watched)
        *device_at(v, addr) = (struct tlb_device){device_tag(addr, idx), *e};
}

void tlb_forget_devices(struct tcg_vcpu *v)
{
    for (unsigned i = 0; i < DEVICE_PAGES; i++)
        v->devices[i].tag = TCG_TLB_EMPTY;
}

static struct tlb_entry *walk(struct tcg_vcpu *v, gva addr, enum guest_access access, unsigned idx,
                              uint32_t *cause)
{
    struct guest_walk w = {0};
    const struct flat_range *r = NULL;
    struct tlb_entry *e = &v->found;
    v->stats.walks++;
    *cause = GUEST_CAUSE_BUS;
    if (!v->ops->walk(v->cpu, addr, access, idx, &w))
        *cause = w.cause;
    else
        r = address_space_find(v->cpu->as, w.addr);
    if (!r) {
        if (log_enabled(LOG_MMU))
            log_no_page(v, addr, access, *cause);
        return NULL;
    }
    *e = (struct tlb_entry){.prot = w.prot, .page_bits = w.page_bits};
    e->flags = w.global || !v->ops->idx_has_asid(v->cpu, idx) ? L2_GLOBAL : 0;
    describe_page(e, r, &w);
    e->asks = w.asks;
    e->kept &= !w.uncached && !w.asks && w.page_bits >= TCG_PAGE_BITS;
    if (log_enabled(LOG_MMU))
        log_fill(v, addr, access, idx, e, &w);
    e->watched = watch_near(v, addr, TCG_PAGE_BITS);
    if (e->kept && !e->watched)
        l2_keep(v, e, addr, idx, entry_bits(v, addr, &w, r));
    keep_device(v, e, addr, idx, r, &w);
    return e;
}

struct tlb_entry *tlb_get(struct tcg_vcpu *v, gva addr, enum guest_access access, unsigned idx,
                          uint32_t *cause)
{
    const struct tcg_l2_entry *k = l2_find(v, addr, access, idx);
    if (UNLIKELY(!k)) {
        const struct tlb_device *d = device_at(v, addr);
        if (d->tag != device_tag(addr, idx) || !(d->entry.prot >> access & 1))
            return walk(v, addr, access, idx, cause);
        v->found = d->entry;
        return &v->found;
    }
    v->stats.l2_hits++;
    l2_describe(v, k, addr, &v->found);
    return &v->found;
}

void tlb_init(struct tcg_vcpu *v)
{
    l1_clear_all(v);
    l2_forget_all(v);
    tlb_forget_devices(v);
    v->idx_used = 0;
    dispatch_begin_anew(v);
}

/* --- flushes asked by the guest
 * --------------------------------------------------------------------------------------- */
void guest_tlb_flush(struct cpu *cpu)
{
    struct tcg_vcpu *v = tcg_vcpu(cpu);
    v->stats.flush_all++;
    if (log_enabled(LOG_MMU))
        log_printf(LOG_MMU, "mmu: cpu %u: flush all\n", cpu->index);
    tlb_init(v);
}

void guest_tlb_flush_asid(struct cpu *cpu, uint32_t asid)
{
    struct tcg_vcpu *v = tcg_vcpu(cpu);
    v->stats.flush_asid++;
    if (log_enabled(LOG_MMU))
        log_printf(LOG_MMU, "mmu: cpu %u: flush asid %u\n", cpu->index, asid);
    l2_forget_space(v, asid);
    tlb_forget_devices(v);
    if (asid == v->asid)
        l1_clear_local(v);
    dispatch_forget_asid(v, asid);
}

/* A page inside a mapping of 2^bits bytes stands for all of it. */
static void forget_code(struct tcg_vcpu *v, gva addr, unsigned bits, bool any_asid, uint32_t asid)
{
    gva first = addr >> bits << bits;
    if (bits <= TCG_LARGE_BITS)
        for (gva page = first; page - first < UINT64_C(1) << bits; page += PAGE_SIZE_)
            dispatch_forget_page(v, page, any_asid, asid);
    else if (any_asid)
        dispatch_forget_all(v);
    else
        dispatch_forget_asid(v, asid);
}

static void log_flush_page(const struct tcg_vcpu *v, gva addr, bool any_asid, uint32_t asid)
{
    g_autofree char *of = any_asid ? NULL : g_strdup_printf(" of asid %u", asid);
    log_printf(LOG_MMU, "mmu: cpu %u: flush page 0x%016lx%s\n", v->cpu->index, (unsigned long)addr,
               of ? of : "");
}

static void flush_page(struct tcg_vcpu *v, gva addr, bool any_asid, uint32_t asid)
{
    v->stats.flush_page++;
    if (log_enabled(LOG_MMU))
        log_flush_page(v, addr, any_asid, asid);
    tlb_forget_devices(v);
    unsigned bits = l2_forget_page(v, addr, any_asid, asid);
    v->stats.flush_page_large += bits > 0;
    bits = MAX(bits, TCG_PAGE_BITS);
    l1_clear_mapping(v, addr, bits);
    forget_code(v, addr, bits, any_asid, asid);
}
void guest_tlb_flush_page(struct cpu *cpu, gva addr)
{
    flush_page(tcg_vcpu(cpu), addr, true, 0);
}
void guest_tlb_flush_page_asid(struct cpu *cpu, gva addr, uint32_t asid)
{
    flush_page(tcg_vcpu(cpu), addr, false, asid);
}

/* --- mode and space
 * ------------------------------------------------------------------------------------------------------
 */
void guest_set_address_mask(struct cpu *cpu, uint64_t mask)
{
    tcg_vcpu(cpu)->addr_mask = mask;
}

void guest_mode_changed(struct cpu *cpu)
{
    struct tcg_vcpu *v = tcg_vcpu(cpu);
    uint32_t mode = v->ops->mode(cpu);
    if (mode == v->mode && !dispatch_swapped(v))
        return;
    v->mode = mode;
    dispatch_mode_changed(v);
}

void guest_space_changed(struct cpu *cpu)
{
    struct tcg_vcpu *v = tcg_vcpu(cpu);
    uint32_t asid = v->ops->asid(cpu);
    if (asid == v->asid)
        return;
    v->asid = asid;
    v->stats.space_switches++;
    l2_enter_space(v);
    tlb_forget_devices(v);
    l1_clear_local(v);
    dispatch_space_changed(v);
}
