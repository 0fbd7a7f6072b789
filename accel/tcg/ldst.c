/* Guest memory accesses that the inline path does not serve: TLB refills, registers, page
 * crossings, code pages, faults. */
#include "accel/tcg/hostfp.h"
#include "accel/tcg/tcg_priv.h"
#include "fpu/sse.h"
#include "tcg/ops.h"
#include "util/bits.h"

#include <string.h>

/* One access on its way: who, where, how, and from which place in translated code (0: from a
 * helper). */
struct acc {
    struct tcg_vcpu *v;
    gva addr;
    uint32_t memop;
    uintptr_t ra;
    bool updates; /* read-modify-write */
};

/* Code may leave the bits in an address that the vCPU does not have: the first level knows no such
 * page. */
static gva wrap(void *cpu, gva addr)
{
    return addr & tcg_vcpu(cpu)->addr_mask;
}

/* --- faults
 * ------------------------------------------------------------------------------------------------------------
 */
static void restore_pc(struct tcg_vcpu *v, uintptr_t ra)
{
    uint64_t pc;
    uint32_t word;
    const struct unit *u = v->current ? v->current : unit_by_address(v->tcg, ra);
    const struct tcg_backend *be = v->current ? v->current_be : v->tcg->be;
    if (!u || !be->restore(&u->code, ra, &pc, &word))
        g_error("no guest pc for host address %#lx", (unsigned long)ra);
    pc = host_code_pc(&u->code, v->cpu, pc);
    memcpy((char *)v->cpu + v->ops->slots[v->ops->pc_slot].off, &pc, 8);
    if (v->ops->restored)
        v->ops->restored(v->cpu, word);
}

static NORETURN void fault(const struct acc *a, gva addr, enum guest_access access, uint32_t cause)
{
    struct tcg_vcpu *v = a->v;
    v->stats.faults++;
    if (v->phase == LOCKSTEP_DRY) {
        v->dry_fault = true;
        v->dry_fault_addr = addr;
        v->current_be->unwind(v->cpu, 0);
    }
    if (a->ra)
        restore_pc(v, a->ra);
    if (v->phase == LOCKSTEP_CHECK)
        v->check_fault = true;
    v->ops->raise_fault(v->cpu, addr, access, memop_idx(a->memop), cause);
    guest_unwind(v->cpu);
}

void guest_unwind(struct cpu *cpu)
{
    struct tcg_vcpu *v = tcg_vcpu(cpu);
    (v->current_be ? v->current_be : v->tcg->be)->unwind(cpu, 0);
}

/* The target wants to be asked for each access to the page. */
static NOINLINE void ask(const struct acc *a, enum guest_access access)
{
    struct tcg_vcpu *v = a->v;
    uint32_t cause = 0;
    if (a->updates && !v->ops->may_access(v->cpu, a->addr, a->memop, GUEST_READ, &cause))
        fault(a, a->addr, GUEST_READ, cause);
    if (!v->ops->may_access(v->cpu, a->addr, a->memop, access, &cause))
        fault(a, a->addr, access, cause);
}

static struct tlb_entry *resolve(const struct acc *a, gva addr, enum guest_access access)
{
    uint32_t cause = 0;
    struct tlb_entry *e = tlb_get(a->v, addr, access, memop_idx(a->memop), &cause);
    if (UNLIKELY(!e))
        fault(a, addr, access, cause);
    if (UNLIKELY(e->asks))
        ask(a, access);
    return e;
}

/* The entry that serves all bytes of an access inside one page. Where permissions change inside the
 * page, its last byte is asked for too; that of the first one is what the fault names. */
static struct tlb_entry *resolve_all(const struct acc *a, gva addr, unsigned size,
                                     enum guest_access access)
{
    uint32_t cause = 0;
    struct tlb_entry *e = resolve(a, addr, access);
    if (LIKELY(e->kept) || !e->host || size == 1)
        return e;
    e = tlb_get(a->v, addr + size - 1, access, memop_idx(a->memop), &cause);
    if (!e)
        fault(a, addr, access, cause);
    return e;
}

/* --- registers
 * -----------------------------------------------------------------------------------------------------------
 */
/* Lockstep's first run must not touch devices: give the unit up and run it once only. */
static void keep_off_devices(struct tcg_vcpu *v)
{
    if (v->phase != LOCKSTEP_DRY)
        return;
    v->uncomparable = true;
    v->current_be->unwind(v->cpu, 0);
}

/* A debugger's watchpoint stops before the access, which the vCPU does once it is let go. */
static NOINLINE void check_watch(const struct acc *a, unsigned size, bool is_write)
{
    struct tcg_vcpu *v = a->v;
    if (!debug_watches(v->tcg->m->debug, a->addr, size))
        return;
    keep_off_devices(v);
    if (!debug_access(v->cpu, a->addr, size, is_write))
        return;
    if (a->ra)
        restore_pc(v, a->ra);
    guest_unwind(v->cpu);
}
static void watch_read(const struct acc *a, unsigned size)
{
    if (UNLIKELY(a->v->cpu->debug.active))
        check_watch(a, size, false);
}
static void watch_write(const struct acc *a, unsigned size)
{
    if (UNLIKELY(a->v->cpu->debug.active))
        check_watch(a, size, true);
}

static uint64_t read_registers(const struct acc *a, const struct tlb_entry *e, gva addr,
                               unsigned size)
{
    struct tcg_vcpu *v = a->v;
    keep_off_devices(v);
    v->stats.mmio++;
    uint32_t fp = hostfp_leave(tcg_env(v->cpu)->host_mxcsr);
    uint64_t val = mmio_read(e->mr, e->mr_off + (addr & ~PAGE_MASK_), size);
    hostfp_enter(fp);
    return val;
}
static void write_registers(const struct acc *a, const struct tlb_entry *e, gva addr, unsigned size,
                            uint64_t val)
{
    struct tcg_vcpu *v = a->v;
    keep_off_devices(v);
    v->stats.mmio++;
    uint32_t fp = hostfp_leave(tcg_env(v->cpu)->host_mxcsr);
    if (e->mr->kind == MEM_MMIO || e->mr->rom_device)
        mmio_write(e->mr, e->mr_off + (addr & ~PAGE_MASK_), size, val);
    hostfp_enter(fp); /* plain ROM ignores writes */
}

/* --- loads
 * ------------------------------------------------------------------------------------------------------------------
 */
static uint64_t host_load(const uint8_t *p, unsigned size)
{
    switch (size) {
    case 1: return *p;
    case 2: return __atomic_load_n((const uint16_t *)(const void *)p, __ATOMIC_RELAXED);
    case 4: return __atomic_load_n((const uint32_t *)(const void *)p, __ATOMIC_RELAXED);
    default: return __atomic_load_n((const uint64_t *)(const void *)p, __ATOMIC_RELAXED);
    }
}
static uint64_t extend(uint64_t val, uint32_t memop)
{
    unsigned bits = 8 * memop_bytes(memop);
    if (bits == 64)
        return val;
    return memop & MO_SIGN ? (uint64_t)sextract64(val, 0, bits) : extract64(val, 0, bits);
}
static uint64_t swapped(uint64_t val, uint32_t memop)
{
    return memop & MO_BE ? __builtin_bswap64(val) >> (64 - 8 * memop_bytes(memop)) : val;
}

static uint64_t load_in_page(const struct acc *a, gva addr, unsigned size)
{
    struct tlb_entry *e = resolve_all(a, addr, size, GUEST_READ);
    if (UNLIKELY(!e->host))
        return read_registers(a, e, addr, size);
    tlb_fill_l1(a->v, e, addr, GUEST_READ, memop_idx(a->memop));
    return host_load(e->host + (addr & ~PAGE_MASK_), size);
}

static bool crosses_page(gva addr, unsigned size)
{
    return (addr & ~PAGE_MASK_) + size > PAGE_SIZE_;
}
static void check_alignment(const struct acc *a, enum guest_access access)
{
    if ((a->memop & MO_ALIGN) && (a->addr & (memop_bytes(a->memop) - 1)))
        fault(a, a->addr, access, GUEST_CAUSE_MISALIGNED);
}

/* From two pages that the first level knows. */
static bool read_across(struct tcg_vcpu *v, gva addr, unsigned size, unsigned idx, void *out)
{
    unsigned first = PAGE_SIZE_ - (addr & ~PAGE_MASK_);
    const uint8_t *low = tlb_l1_host(v, addr, GUEST_READ, idx);
    const uint8_t *high = tlb_l1_host(v, addr + first, GUEST_READ, idx);
    if (!low || !high)
        return false;
    memcpy(out, low, first);
    memcpy((uint8_t *)out + first, high, size - first);
    return true;
}

/* Both pages are asked first, so that a fault on the second leaves no trace on the first. */
static uint64_t load_across(const struct acc *a, unsigned size)
{
    uint64_t val = 0;
    uint8_t raw[8] = {0};
    if (LIKELY(read_across(a->v, a->addr, size, memop_idx(a->memop), raw)))
        return ld_le64(raw);
    resolve(a, a->addr, GUEST_READ);
    resolve(a, (a->addr | ~PAGE_MASK_) + 1, GUEST_READ);
    for (unsigned i = 0; i < size; i++)
        val |= load_in_page(a, a->addr + i, 1) << 8 * i;
    return val;
}

static uint64_t load(const struct acc *a)
{
    unsigned size = memop_bytes(a->memop);
    check_alignment(a, GUEST_READ);
    watch_read(a, size);
    uint64_t val =
        crosses_page(a->addr, size) ? load_across(a, size) : load_in_page(a, a->addr, size);
    return extend(swapped(val, a->memop), a->memop);
}

/* One half of 16 bytes, or of 10, whose pages were asked before. */
static uint64_t load_half(const struct acc *a, unsigned off, unsigned size)
{
    struct acc half = *a;
    half.addr += off;
    half.memop = (a->memop & ~(uint32_t)MO_SIZE) | MO_64;
    return crosses_page(half.addr, size) ? load_across(&half, size)
                                         : load_in_page(&half, half.addr, size);
}

static void load_128(const struct acc *a, uint64_t *val)
{
    unsigned size = memop_bytes(a->memop);
    check_alignment(a, GUEST_READ);
    if (crosses_page(a->addr, size) && read_across(a->v, a->addr, size, memop_idx(a->memop), val))
        return;
    watch_read(a, size);
    resolve(a, a->addr, GUEST_READ);
    if (crosses_page(a->addr, size))
        resolve(a, (a->addr | ~PAGE_MASK_) + 1, GUEST_READ);
    val[0] = load_half(a, 0, 8);
    val[1] = load_half(a, 8, size - 8);
}

/* --- stores
 * ------------------------------------------------------------------------------------------------------------------
 */
static void host_store(uint8_t *p, unsigned size, uint64_t val)
{
    switch (size) {
    case 1: __atomic_store_n(p, val, __ATOMIC_RELAXED); break;
    case 2: __atomic_store_n((uint16_t *)(void *)p, val, __ATOMIC_RELAXED); break;
    case 4: __atomic_store_n((uint32_t *)(void *)p, val, __ATOMIC_RELAXED); break;
    default: __atomic_store_n((uint64_t *)(void *)p, val, __ATOMIC_RELAXED); break;
    }
}

/* After the bytes have changed: the page is dirty, and if it holds code, the unit store is told.
 * The fence orders the store before the look: a translator marks the page, then reads the bytes;
 * ram_take_dirty() clears the note, then its caller reads them. */
static void note_written(const struct acc *a, const struct tlb_entry *e, gva addr, unsigned size)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint8_t note = __atomic_load_n(e->note, __ATOMIC_SEQ_CST);
    if (UNLIKELY(!(note & RAM_PAGE_DIRTY)))
        __atomic_fetch_or(e->note, RAM_PAGE_DIRTY, __ATOMIC_SEQ_CST);
    if (UNLIKELY(note & RAM_PAGE_CODE))
        smc_written(a->v->tcg, a->v, e->ram, e->ram_off + (addr & ~PAGE_MASK_), size);
}

static void put_in_page(const struct acc *a, const struct tlb_entry *e, gva addr, unsigned size,
                        uint64_t val)
{
    if (UNLIKELY(!e->host || e->mr->kind == MEM_ROM)) {
        write_registers(a, e, addr, size, val);
        return;
    }
    uint8_t *p = e->host + (addr & ~PAGE_MASK_);
    tlb_fill_l1(a->v, e, addr, GUEST_WRITE, memop_idx(a->memop));
    if (UNLIKELY(a->v->phase != LOCKSTEP_OFF))
        lockstep_log_store(a->v, p, size, val);
    host_store(p, size, val);
    note_written(a, e, addr, size);
}

/* Leave, and do the instruction in a unit of its own: it has changed nothing yet. */
static NORETURN void run_again(const struct acc *a, enum once how)
{
    restore_pc(a->v, a->ra);
    a->v->once = how;
    guest_unwind(a->v->cpu);
}

static bool unit_is_made_from(const struct unit *u, const uint8_t *host, unsigned size)
{
    const uint8_t *page = (const uint8_t *)((uintptr_t)host & PAGE_MASK_);
    uint64_t mask = granule_mask((uintptr_t)host & ~PAGE_MASK_, size);
    if (page == u->page2)
        return u->granules2 & mask;
    return page == (const uint8_t *)((uintptr_t)u->host & PAGE_MASK_) && (u->granules & mask);
}

/* The unit that does the access, if it has other instructions, and may be left. */
static const struct unit *longer_unit(const struct acc *a)
{
    struct tcg_vcpu *v = a->v;
    if (!a->ra || v->phase != LOCKSTEP_OFF)
        return NULL;
    const struct unit *u = v->current ? v->current : unit_by_address(v->tcg, a->ra);
    return u && u->insns > 1 && !(u->mode & UNIT_ALONE) ? u : NULL;
}

/* Of a store to a page with code: when the unit that does it is hit, its other instructions must
 * not follow as they were. */
static NOINLINE void check_own_code(const struct acc *a, const struct tlb_entry *e, gva addr,
                                    unsigned size)
{
    const struct unit *u = a->v->ops->coherent_code ? longer_unit(a) : NULL;
    if (u && unit_is_made_from(u, e->host + (addr & ~PAGE_MASK_), size))
        run_again(a, ONCE_ALONE);
}

/* After a command to flash, loads find something else, the very next one, too; but a unit goes on
 * with the host addresses that it has. */
static NOINLINE void check_flash(const struct acc *a)
{
    if (longer_unit(a))
        run_again(a, ONCE_ALONE);
}

static struct tlb_entry *resolve_store(const struct acc *a, gva addr, unsigned size)
{
    struct tlb_entry *e = resolve_all(a, addr, size, GUEST_WRITE);
    if (UNLIKELY(!e->host || e->mr->kind == MEM_ROM)) {
        if (e->mr->rom_device)
            check_flash(a);
    } else if (UNLIKELY(__atomic_load_n(e->note, __ATOMIC_RELAXED) & RAM_PAGE_CODE)) {
        check_own_code(a, e, addr, size);
    }
    return e;
}

static void store_in_page(const struct acc *a, gva addr, unsigned size, uint64_t val)
{
    put_in_page(a, resolve_store(a, addr, size), addr, size, val);
}

/* Both pages are asked first. */
static void store_bytes(const struct acc *a, unsigned size, uint64_t val)
{
    if (!crosses_page(a->addr, size)) {
        store_in_page(a, a->addr, size, val);
        return;
    }
    gva second = (a->addr | ~PAGE_MASK_) + 1;
    resolve(a, a->addr, GUEST_WRITE);
    resolve(a, second, GUEST_WRITE);
    resolve_store(a, a->addr, second - a->addr);
    resolve_store(a, second, a->addr + size - second);
    for (unsigned i = 0; i < size; i++)
        store_in_page(a, a->addr + i, 1, val >> 8 * i);
}

static void store(const struct acc *a, uint64_t val)
{
    unsigned size = memop_bytes(a->memop);
    check_alignment(a, GUEST_WRITE);
    watch_write(a, size);
    store_bytes(a, size, swapped(val, a->memop));
}

static void store_128(const struct acc *a, const uint64_t *val)
{
    unsigned size = memop_bytes(a->memop);
    struct acc low = *a, high;
    low.memop = (a->memop & ~(uint32_t)MO_SIZE) | MO_64;
    high = low;
    high.addr += 8;
    check_alignment(a, GUEST_WRITE);
    watch_write(a, size);
    resolve(a, a->addr, GUEST_WRITE);
    if (crosses_page(a->addr, size))
        resolve(a, (a->addr | ~PAGE_MASK_) + 1, GUEST_WRITE);
    store_bytes(&low, 8, val[0]);
    store_bytes(&high, size - 8, val[1]);
}

/* --- atomics
 * ------------------------------------------------------------------------------------------------------------------
 */
static uint64_t combine(unsigned op, uint64_t old, uint64_t val, unsigned bits)
{
    int64_t so = sextract64(old, 0, bits), sv = sextract64(val, 0, bits);
    uint64_t uo = extract64(old, 0, bits), uv = extract64(val, 0, bits);
    switch (op) {
    case OP_atomic_add: return old + val;
    case OP_atomic_and: return old & val;
    case OP_atomic_or: return old | val;
    case OP_atomic_xor: return old ^ val;
    case OP_atomic_min: return so < sv ? old : val;
    case OP_atomic_max: return so > sv ? old : val;
    case OP_atomic_minu: return uo < uv ? old : val;
    case OP_atomic_maxu: return uo > uv ? old : val;
    default: return val; /* swap */
    }
}

#define CAS_CASE(type)                                                                             \
    {                                                                                              \
        type want = expect;                                                                        \
        __atomic_compare_exchange_n((type *)(void *)p, &want, (type)val, false, __ATOMIC_SEQ_CST,  \
                                    __ATOMIC_SEQ_CST);                                             \
        return want;                                                                               \
    }
static uint64_t host_cas(uint8_t *p, unsigned size, uint64_t expect, uint64_t val)
{
    switch (size) {
    case 1: CAS_CASE(uint8_t)
    case 2: CAS_CASE(uint16_t)
    case 4: CAS_CASE(uint32_t)
    default: CAS_CASE(uint64_t)
    }
}

/* Host memory for a read-modify-write inside a page; NULL for registers. A misaligned one is done
 * as x86 does it. */
static uint8_t *rmw_ptr(const struct acc *a, struct tlb_entry **entry)
{
    unsigned size = memop_bytes(a->memop);
    check_alignment(a, GUEST_WRITE);
    watch_read(a, size);
    watch_write(a, size);
    struct tlb_entry *e = *entry = resolve_store(a, a->addr, size);
    if (!e->host || e->mr->kind == MEM_ROM)
        return NULL;
    tlb_fill_l1(a->v, e, a->addr, GUEST_WRITE, memop_idx(a->memop));
    return e->host + (a->addr & ~PAGE_MASK_);
}

/* Across pages no host instruction covers it: while no other vCPU runs code, or not at all. What is
 * there, zero-extended. */
static uint64_t rmw_across(const struct acc *a)
{
    unsigned size = memop_bytes(a->memop);
    check_alignment(a, GUEST_WRITE);
    if (!a->v->ops->split_atomics)
        fault(a, a->addr, GUEST_WRITE, GUEST_CAUSE_MISALIGNED);
    watch_read(a, size);
    watch_write(a, size);
    resolve(a, a->addr, GUEST_WRITE);
    resolve(a, (a->addr | ~PAGE_MASK_) + 1, GUEST_WRITE);
    if (!a->v->exclusive && a->ra && a->v->phase == LOCKSTEP_OFF)
        run_again(a, ONCE_EXCLUSIVE);
    return swapped(load_across(a, size), a->memop);
}

static uint64_t rmw(const struct acc *a, unsigned op, uint64_t val)
{
    struct tlb_entry *e;
    unsigned size = memop_bytes(a->memop);
    if (UNLIKELY(crosses_page(a->addr, size))) {
        uint64_t was = rmw_across(a);
        store_bytes(a, size, swapped(combine(op, was, val, 8 * size), a->memop));
        return extend(was, a->memop);
    }
    uint8_t *p = rmw_ptr(a, &e);
    if (!p) { /* registers: not atomic against other masters, as on most buses */
        uint64_t was = read_registers(a, e, a->addr, size);
        write_registers(a, e, a->addr, size, combine(op, was, val, 8 * size));
        return extend(was, a->memop);
    }
    uint64_t old = host_load(p, size), seen;
    for (;; old = seen) {
        uint64_t now = swapped(combine(op, swapped(old, a->memop), val, 8 * size), a->memop);
        if (UNLIKELY(a->v->phase != LOCKSTEP_OFF))
            lockstep_log_store(a->v, p, size, now);
        seen = host_cas(p, size, old, now);
        if (seen == old)
            break;
    }
    note_written(a, e, a->addr, size);
    return extend(swapped(old, a->memop), a->memop);
}

static uint64_t compare_and_swap(const struct acc *a, uint64_t expect, uint64_t val)
{
    struct tlb_entry *e;
    unsigned size = memop_bytes(a->memop);
    if (UNLIKELY(crosses_page(a->addr, size))) {
        uint64_t was = rmw_across(a);
        if (was == extract64(expect, 0, 8 * size))
            store_bytes(a, size, swapped(val, a->memop));
        return extend(was, a->memop);
    }
    uint8_t *p = rmw_ptr(a, &e);
    if (!p) {
        uint64_t was = read_registers(a, e, a->addr, size);
        if (was == extract64(expect, 0, 8 * size))
            write_registers(a, e, a->addr, size, val);
        return extend(was, a->memop);
    }
    if (UNLIKELY(a->v->phase != LOCKSTEP_OFF))
        lockstep_log_store(a->v, p, size, val);
    uint64_t old = host_cas(p, size, swapped(expect, a->memop), swapped(val, a->memop));
    note_written(a, e, a->addr, size);
    return extend(swapped(old, a->memop), a->memop);
}

/* --- callbacks of translated code
 * ------------------------------------------------------------------------------------------- */
static uint64_t slow_ld(void *cpu, uint64_t addr, uint32_t memop, uintptr_t ra)
{
    tcg_vcpu(cpu)->stats.slow_ld++;
    return load(&(struct acc){tcg_vcpu(cpu), wrap(cpu, addr), memop, ra, false});
}
static void slow_st(void *cpu, uint64_t addr, uint64_t val, uint32_t memop, uintptr_t ra)
{
    tcg_vcpu(cpu)->stats.slow_st++;
    store(&(struct acc){tcg_vcpu(cpu), wrap(cpu, addr), memop, ra, false}, val);
}
static void slow_ld128(void *cpu, uint64_t addr, uint64_t *val, uint32_t memop, uintptr_t ra)
{
    struct acc a = {tcg_vcpu(cpu), wrap(cpu, addr), memop, ra, false};
    a.v->stats.slow_ld++;
    load_128(&a, val);
}
static void slow_st128(void *cpu, uint64_t addr, uint64_t *val, uint32_t memop, uintptr_t ra)
{
    struct acc a = {tcg_vcpu(cpu), wrap(cpu, addr), memop, ra, false};
    a.v->stats.slow_st++;
    store_128(&a, val);
}
static uint64_t slow_atomic(void *cpu, uint64_t addr, uint64_t val, uint32_t memop_op, uintptr_t ra)
{
    tcg_vcpu(cpu)->stats.slow_atomic++;
    return rmw(&(struct acc){tcg_vcpu(cpu), wrap(cpu, addr), memop_op & 0xffff, ra, true},
               memop_op >> 16, val);
}
static uint64_t slow_cas(void *cpu, uint64_t addr, uint64_t expect, uint64_t val, uint32_t memop,
                         uintptr_t ra)
{
    tcg_vcpu(cpu)->stats.slow_atomic++;
    return compare_and_swap(&(struct acc){tcg_vcpu(cpu), wrap(cpu, addr), memop, ra, true}, expect,
                            val);
}

static bool fill_page(struct tcg_vcpu *v, gva addr, enum guest_access access, unsigned idx)
{
    uint32_t cause;
    struct tlb_entry *e = tlb_get(v, addr, access, idx, &cause);
    if (!e || (access == GUEST_WRITE && e->mr->kind == MEM_ROM))
        return false;
    return tlb_fill_l1(v, e, addr, access, idx);
}

static enum tcg_fill fill(void *cpu, uint64_t addr, uint32_t memop)
{
    struct tcg_vcpu *v = tcg_vcpu(cpu);
    unsigned idx = memop_idx(memop), size = memop_bytes(memop);
    enum guest_access access = memop & MO_WRITE ? GUEST_WRITE : GUEST_READ;
    void *value = tcg_env(cpu)->save + TCG_SAVE_VALUE;
    if (((memop & MO_ALIGN) && (addr & (size - 1))) || addr != wrap(cpu, addr))
        return FILL_CANNOT;
    if (!crosses_page(addr, size))
        return fill_page(v, addr, access, idx) ? FILL_READY : FILL_CANNOT;
    if (access == GUEST_WRITE)
        return FILL_CANNOT;
    return fill_page(v, addr, access, idx) && fill_page(v, addr + size - 1, access, idx) &&
                   read_across(v, addr, size, idx, value)
               ? FILL_LOADED
               : FILL_CANNOT;
}

const struct tcg_callbacks tcg_slow_paths = {
    .ld = slow_ld,
    .ld128 = slow_ld128,
    .st128 = slow_st128,
    .st = slow_st,
    .atomic = slow_atomic,
    .cas = slow_cas,
    .fill = fill,
    .soft_fp = tcg_soft_fp,
    .sse = sse_run,
};

/* --- for targets' helpers
 * ------------------------------------------------------------------------------------------------------
 */
/* Where all bytes of the access are, if the first level knows; else NULL: go the long way. */
static void *known_host(struct cpu *cpu, gva addr, uint32_t memop, enum guest_access access)
{
    unsigned size = memop_bytes(memop);
    if (crosses_page(addr, size) || ((memop & MO_ALIGN) && (addr & (size - 1))))
        return NULL;
    return tlb_l1_host(tcg_vcpu(cpu), wrap(cpu, addr), access, memop_idx(memop));
}

uint64_t guest_ld(struct cpu *cpu, gva addr, uint32_t memop)
{
    const uint8_t *known = known_host(cpu, addr, memop, GUEST_READ);
    if (LIKELY(known))
        return extend(swapped(host_load(known, memop_bytes(memop)), memop), memop);
    return load(&(struct acc){tcg_vcpu(cpu), wrap(cpu, addr), memop, 0, false});
}
void guest_st(struct cpu *cpu, gva addr, uint64_t val, uint32_t memop)
{
    uint8_t *known = known_host(cpu, addr, memop, GUEST_WRITE);
    if (LIKELY(known))
        host_store(known, memop_bytes(memop), swapped(val, memop));
    else
        store(&(struct acc){tcg_vcpu(cpu), wrap(cpu, addr), memop, 0, false}, val);
}

/* A vCPU that is not in translated code, or must not leave it: no fault is raised. */
static struct tlb_entry *try_resolve(const struct acc *a, gva addr, enum guest_access access,
                                     struct guest_fault *f)
{
    struct tlb_entry *e = tlb_get(a->v, addr, access, memop_idx(a->memop), &f->cause);
    f->addr = addr;
    f->access = access;
    a->v->stats.faults += !e;
    return e;
}

static bool try_load(const struct acc *a, gva addr, unsigned size, uint64_t *val,
                     struct guest_fault *f)
{
    struct tlb_entry *e = try_resolve(a, addr, GUEST_READ, f);
    if (!e)
        return false;
    if (!e->host) {
        *val = read_registers(a, e, addr, size);
        return true;
    }
    tlb_fill_l1(a->v, e, addr, GUEST_READ, memop_idx(a->memop));
    *val = host_load(e->host + (addr & ~PAGE_MASK_), size);
    return true;
}

bool guest_try_ld(struct cpu *cpu, gva addr, uint32_t memop, uint64_t *val, struct guest_fault *f)
{
    addr = wrap(cpu, addr);
    struct acc a = {tcg_vcpu(cpu), addr, memop, 0, false};
    unsigned size = memop_bytes(memop);
    uint64_t byte, all = 0;
    const uint8_t *known = known_host(cpu, addr, memop, GUEST_READ);
    if (LIKELY(known)) {
        *val = host_load(known, size);
        return true;
    }
    if (LIKELY(!crosses_page(addr, size)))
        return try_load(&a, addr, size, val, f);
    for (unsigned i = 0; i < size; i++) {
        if (!try_load(&a, addr + i, 1, &byte, f))
            return false;
        all |= byte << 8 * i;
    }
    *val = all;
    return true;
}

static bool try_store(const struct acc *a, gva addr, unsigned size, uint64_t val,
                      struct guest_fault *f)
{
    struct tlb_entry *e = try_resolve(a, addr, GUEST_WRITE, f);
    if (!e)
        return false;
    put_in_page(a, e, addr, size, val);
    return true;
}

bool guest_try_st(struct cpu *cpu, gva addr, uint64_t val, uint32_t memop, struct guest_fault *f)
{
    addr = wrap(cpu, addr);
    struct acc a = {tcg_vcpu(cpu), addr, memop, 0, false};
    unsigned size = memop_bytes(memop);
    uint8_t *known = known_host(cpu, addr, memop, GUEST_WRITE);
    if (LIKELY(known)) {
        host_store(known, size, val);
        return true;
    }
    if (LIKELY(!crosses_page(addr, size)))
        return try_store(&a, addr, size, val, f);
    if (!try_resolve(&a, addr, GUEST_WRITE, f) ||
        !try_resolve(&a, (addr | ~PAGE_MASK_) + 1, GUEST_WRITE, f))
        return false;
    for (unsigned i = 0; i < size; i++)
        if (!try_store(&a, addr + i, 1, val >> 8 * i, f))
            return false;
    return true;
}

void *guest_host_ptr(struct cpu *cpu, gva addr, unsigned size, enum guest_access access,
                     unsigned idx)
{
    addr = wrap(cpu, addr);
    struct acc a = {tcg_vcpu(cpu), addr, idx << MO_IDX_SHIFT, 0, false};
    void *known = tlb_l1_host(a.v, addr, access, idx);
    if (LIKELY(known))
        return crosses_page(addr, size) ? NULL : known;
    struct tlb_entry *e = resolve(&a, addr, access);
    if (!e->host || e->watched || e->asks || crosses_page(addr, size))
        return NULL;
    if (access == GUEST_WRITE) {
        tlb_fill_l1(a.v, e, addr, access, idx);                       /* announces the writer */
        __atomic_fetch_or(e->note, RAM_PAGE_DIRTY, __ATOMIC_SEQ_CST); /* where it could not */
        if (e->mr->kind == MEM_ROM || (__atomic_load_n(e->note, __ATOMIC_SEQ_CST) & RAM_PAGE_CODE))
            return NULL;
    } else {
        tlb_fill_l1(a.v, e, addr, access, idx);
    }
    return e->host + (addr & ~PAGE_MASK_);
}

bool guest_maps(struct cpu *cpu, gva addr, enum guest_access access, unsigned idx)
{
    struct tcg_vcpu *v = tcg_vcpu(cpu);
    uint32_t cause;
    addr = wrap(cpu, addr);
    return tlb_l1_host(v, addr, access, idx) || tlb_get(v, addr, access, idx, &cause);
}

void guest_probe(struct cpu *cpu, gva addr, unsigned size, enum guest_access access, unsigned idx)
{
    addr = wrap(cpu, addr);
    struct acc a = {tcg_vcpu(cpu), addr, idx << MO_IDX_SHIFT, 0, false};
    if (!tlb_l1_host(a.v, addr, access, idx))
        resolve(&a, addr, access);
    for (gva page = (addr & PAGE_MASK_) + PAGE_SIZE_; page - addr < size; page += PAGE_SIZE_)
        resolve(&a, page, access);
}

void guest_zero(struct cpu *cpu, gva addr, unsigned size, unsigned idx)
{
    void *p = guest_host_ptr(cpu, addr, size, GUEST_WRITE, idx);
    if (p && !tcg_vcpu(cpu)->tcg->lockstep) {
        memset(p, 0, size);
        return;
    }
    for (unsigned i = 0; i < size; i += 8)
        guest_st(cpu, addr + i, 0, MO_64 | idx << MO_IDX_SHIFT);
}

bool guest_phys_ld(struct cpu *cpu, gpa addr, unsigned size, uint64_t *val)
{
    const struct flat_range *r = address_space_find(cpu->as, addr);
    if (!r || (r->mr->kind != MEM_RAM && r->mr->kind != MEM_ROM) || addr - r->base + size > r->size)
        return false;
    *val = host_load(r->mr->ram->host + r->mr->ram_off + r->mr_off + (addr - r->base), size);
    return true;
}

bool guest_phys_cas(struct cpu *cpu, gpa addr, unsigned size, uint64_t expect, uint64_t val,
                    bool *ok)
{
    const struct flat_range *r = address_space_find(cpu->as, addr);
    if (!r || r->mr->kind != MEM_RAM || addr - r->base + size > r->size)
        return false;
    uint64_t off = r->mr->ram_off + r->mr_off + (addr - r->base);
    *ok = host_cas(r->mr->ram->host + off, size, expect, val) == extract64(expect, 0, 8 * size);
    if (*ok)
        ram_written(r->mr->ram, off, size);
    return true;
}

uint32_t guest_fpenv_get(struct cpu *cpu)
{
    return tcg_env(cpu)->guest_mxcsr;
}
void guest_fpenv_set(struct cpu *cpu, uint32_t mxcsr)
{
    tcg_env(cpu)->guest_mxcsr = mxcsr;
}
