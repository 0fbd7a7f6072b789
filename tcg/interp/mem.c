/* Guest memory as the interpreter sees it: the first-level TLB, then the slow paths.  Same hit rule
 * as native code. */
#include "tcg/interp/bytecode_priv.h"
#include "util/bits.h"

#include <string.h>

static struct tcg_env *env_of(uint8_t *cpu)
{
    return (struct tcg_env *)(cpu - sizeof(struct tcg_env));
}

static bool hits(uint64_t tag, uint64_t addr, uint32_t mo)
{
    uint64_t size = memop_bytes(mo), page = ~UINT64_C(0) << TCG_PAGE_BITS;
    if (mo & MO_ALIGN)
        return (addr & (page | (size - 1))) == tag;
    return ((addr + size - 1) & page) == tag;
}

/* The host address of a read or write, or NULL when the TLB does not know. */
static void *host_read(uint8_t *cpu, uint64_t addr, uint32_t mo)
{
    const struct tcg_tlb *t = &env_of(cpu)->tlb[memop_idx(mo) & (TCG_MMU_MODES - 1)];
    unsigned i = addr >> TCG_PAGE_BITS & (TCG_TLB_SIZE - 1);
    return hits(t->rtag[i], addr, mo) ? (void *)(uintptr_t)(addr + t->radd[i]) : NULL;
}

static void *host_write(uint8_t *cpu, uint64_t addr, uint32_t mo)
{
    const struct tcg_tlb *t = &env_of(cpu)->tlb[memop_idx(mo) & (TCG_MMU_MODES - 1)];
    unsigned i = addr >> TCG_PAGE_BITS & (TCG_TLB_SIZE - 1);
    return hits(t->wtag[i], addr, mo) ? (void *)(uintptr_t)(addr + t->wadd[i]) : NULL;
}

static uint64_t swap(uint64_t v, uint32_t mo)
{
    switch (mo & MO_SIZE) {
    case MO_16: return __builtin_bswap16(v);
    case MO_32: return __builtin_bswap32(v);
    case MO_64: return __builtin_bswap64(v);
    default: return v;
    }
}

static uint64_t extend(uint64_t v, uint32_t mo)
{
    switch (mo & (MO_SIZE | MO_SIGN)) {
    case MO_8: return (uint8_t)v;
    case MO_16: return (uint16_t)v;
    case MO_32: return (uint32_t)v;
    case MO_8 | MO_SIGN: return (int8_t)v;
    case MO_16 | MO_SIGN: return (int16_t)v;
    case MO_32 | MO_SIGN: return (int32_t)v;
    default: return v;
    }
}

static uint64_t raw_load(const void *p, uint32_t mo)
{
    switch (mo & MO_SIZE) {
    case MO_8: return *(const uint8_t *)p;
    case MO_16: return ld_le16(p);
    case MO_32: return ld_le32(p);
    default: return ld_le64(p);
    }
}

static void raw_store(void *p, uint64_t v, uint32_t mo)
{
    switch (mo & MO_SIZE) {
    case MO_8: *(uint8_t *)p = v; break;
    case MO_16: st_le16(p, v); break;
    case MO_32: st_le32(p, v); break;
    default: st_le64(p, v); break;
    }
}

/* Acquire and release together are sequentially consistent (Arm's LDAR after STLR, RISC-V's .aqrl).
 */
uint64_t bc_load(uint8_t *cpu, const struct tcg_callbacks *cb, uint64_t addr, uint32_t mo,
                 uintptr_t ra)
{
    const void *p = host_read(cpu, addr, mo);
    if (mo & MO_REL)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!p)
        return cb->ld(cpu, addr, mo, ra);
    uint64_t v = raw_load(p, mo);
    if (mo & MO_ACQ)
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return extend(mo & MO_BE ? swap(v, mo) : v, mo);
}

void bc_store(uint8_t *cpu, const struct tcg_callbacks *cb, uint64_t addr, uint64_t val,
              uint32_t mo, uintptr_t ra)
{
    void *p = host_write(cpu, addr, mo);
    if (mo & MO_REL)
        __atomic_thread_fence(__ATOMIC_RELEASE);
    if (p)
        raw_store(p, mo & MO_BE ? swap(val, mo) : val, mo);
    else
        cb->st(cpu, addr, val, mo, ra);
    if (mo & MO_ACQ)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

union ir_vec bc_load_128(uint8_t *cpu, const struct tcg_callbacks *cb, uint64_t addr, uint32_t mo,
                         uintptr_t ra)
{
    const void *p = host_read(cpu, addr, mo);
    union ir_vec v;
    if (p)
        memcpy(&v, p, memop_bytes(mo));
    else
        cb->ld128(cpu, addr, v.d, mo, ra);
    return v;
}

void bc_store_128(uint8_t *cpu, const struct tcg_callbacks *cb, uint64_t addr,
                  const union ir_vec *val, uint32_t mo, uintptr_t ra)
{
    void *p = host_write(cpu, addr, mo);
    union ir_vec v = *val;
    if (p)
        memcpy(p, &v, memop_bytes(mo));
    else
        cb->st128(cpu, addr, v.d, mo, ra);
}

static uint64_t cas_sized(void *p, uint64_t expect, uint64_t val, uint32_t mo)
{
    uint8_t e8 = expect;
    uint16_t e16 = expect;
    uint32_t e32 = expect;
    switch (mo & MO_SIZE) {
    case MO_8:
        __atomic_compare_exchange_n((uint8_t *)p, &e8, val, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
        return e8;
    case MO_16:
        __atomic_compare_exchange_n((uint16_t *)p, &e16, val, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
        return e16;
    case MO_32:
        __atomic_compare_exchange_n((uint32_t *)p, &e32, val, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
        return e32;
    default:
        __atomic_compare_exchange_n((uint64_t *)p, &expect, val, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
        return expect;
    }
}

static uint64_t swap_in(void *p, uint64_t val, uint32_t mo)
{
    switch (mo & MO_SIZE) {
    case MO_8: return __atomic_exchange_n((uint8_t *)p, val, __ATOMIC_SEQ_CST);
    case MO_16: return __atomic_exchange_n((uint16_t *)p, val, __ATOMIC_SEQ_CST);
    case MO_32: return __atomic_exchange_n((uint32_t *)p, val, __ATOMIC_SEQ_CST);
    default: return __atomic_exchange_n((uint64_t *)p, val, __ATOMIC_SEQ_CST);
    }
}

static uint64_t combine(unsigned opc, uint64_t old, uint64_t val, uint32_t mo)
{
    uint32_t zero = mo & MO_SIZE, sign = zero | MO_SIGN;
    switch (opc) {
    case OP_atomic_add: return old + val;
    case OP_atomic_and: return old & val;
    case OP_atomic_or: return old | val;
    case OP_atomic_xor: return old ^ val;
    case OP_atomic_min: return (int64_t)extend(old, sign) < (int64_t)extend(val, sign) ? old : val;
    case OP_atomic_max: return (int64_t)extend(old, sign) > (int64_t)extend(val, sign) ? old : val;
    case OP_atomic_minu: return extend(old, zero) < extend(val, zero) ? old : val;
    case OP_atomic_maxu: return extend(old, zero) > extend(val, zero) ? old : val;
    default: return val; /* atomic_swap */
    }
}

/* Done on the host only inside one page, naturally aligned, in the host's byte order. */
static void *host_atomic(uint8_t *cpu, uint64_t addr, uint32_t mo)
{
    if ((addr & (memop_bytes(mo) - 1)) || (mo & MO_BE))
        return NULL;
    return host_write(cpu, addr, mo);
}

uint64_t bc_atomic(uint8_t *cpu, const struct tcg_callbacks *cb, const uint64_t arg[2],
                   uint32_t mo_op, uintptr_t ra)
{
    uint32_t mo = mo_op & 0xffff, opc = mo_op >> 16;
    void *p = host_atomic(cpu, arg[0], mo);
    if (!p)
        return cb->atomic(cpu, arg[0], arg[1], mo_op, ra);
    if (opc == OP_atomic_swap)
        return extend(swap_in(p, arg[1], mo), mo);
    uint64_t old = raw_load(p, mo), seen;
    while ((seen = cas_sized(p, old, combine(opc, old, arg[1], mo), mo)) != old)
        old = seen;
    return extend(old, mo);
}

uint64_t bc_cas(uint8_t *cpu, const struct tcg_callbacks *cb, const uint64_t arg[3], uint32_t mo,
                uintptr_t ra)
{
    void *p = host_atomic(cpu, arg[0], mo);
    if (!p)
        return cb->cas(cpu, arg[0], arg[1], arg[2], mo, ra);
    return extend(cas_sized(p, arg[1], arg[2], mo), mo);
}
