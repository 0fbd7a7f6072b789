/* What the vector ops compute, lane by lane: the reference that back ends are compared with. */
#include "tcg/ir_priv.h"

#include "util/bits.h"

_Static_assert(OP_ssefromi < 256, "the interpreter has eight bits for a vector op");

static uint64_t get(const union ir_vec *v, unsigned esz, unsigned i)
{
    switch (esz) {
    case 0: return v->b[i];
    case 1: return v->h[i];
    case 2: return v->s[i];
    default: return v->d[i];
    }
}

static void put(union ir_vec *v, unsigned esz, unsigned i, uint64_t x)
{
    switch (esz) {
    case 0: v->b[i] = x; break;
    case 1: v->h[i] = x; break;
    case 2: v->s[i] = x; break;
    default: v->d[i] = x; break;
    }
}

static int64_t sext(uint64_t x, unsigned esz)
{
    return sextract64(x, 0, 8u << esz);
}

static int64_t get_signed(const union ir_vec *v, unsigned esz, unsigned i)
{
    return sext(get(v, esz, i), esz);
}

static uint64_t clamp(int64_t x, int64_t lo, int64_t hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

/* Saturating ops are on lanes of one or two bytes. */
static uint64_t saturate(unsigned opc, unsigned esz, uint64_t a, uint64_t b)
{
    int64_t top = INT64_C(1) << (8u << esz), x = (int64_t)a, y = (int64_t)b;
    int64_t sx = sext(a, esz), sy = sext(b, esz);
    switch (opc) {
    case OP_vqadds: return clamp(sx + sy, -top / 2, top / 2 - 1);
    case OP_vqsubs: return clamp(sx - sy, -top / 2, top / 2 - 1);
    case OP_vqaddu: return clamp(x + y, 0, top - 1);
    default: return clamp(x - y, 0, top - 1);
    }
}

/* One lane of an op that works on lanes by themselves. */
static uint64_t lane(unsigned opc, unsigned esz, uint64_t a, uint64_t b)
{
    int64_t sa = sext(a, esz), sb = sext(b, esz);
    switch (opc) {
    case OP_vadd: return a + b;
    case OP_vsub: return a - b;
    case OP_vmul: return a * b;
    case OP_vneg: return -a;
    case OP_vabs: return sa < 0 ? -a : a;
    case OP_vcmpeq: return a == b ? UINT64_MAX : 0;
    case OP_vcmpgt: return sa > sb ? UINT64_MAX : 0;
    case OP_vcmpgtu: return a > b ? UINT64_MAX : 0;
    case OP_vmins: return sa < sb ? a : b;
    case OP_vmaxs: return sa > sb ? a : b;
    case OP_vminu: return a < b ? a : b;
    case OP_vmaxu: return a > b ? a : b;
    case OP_vavgu: return (a + b + 1) >> 1;
    default: return saturate(opc, esz, a, b);
    }
}

static union ir_vec by_lanes(unsigned opc, unsigned esz, const union ir_vec arg[3])
{
    union ir_vec v;
    for (unsigned i = 0; i < 16u >> esz; i++)
        put(&v, esz, i, lane(opc, esz, get(&arg[0], esz, i), get(&arg[1], esz, i)));
    return v;
}

static uint64_t logic(unsigned opc, uint64_t a, uint64_t b, uint64_t c)
{
    switch (opc) {
    case OP_vand: return a & b;
    case OP_vor: return a | b;
    case OP_vxor: return a ^ b;
    case OP_vandn: return a & ~b;
    default: return (a & b) | (~a & c); /* vbsl */
    }
}

static union ir_vec shift(unsigned opc, unsigned esz, unsigned n, const union ir_vec *a)
{
    union ir_vec v;
    unsigned bits = 8u << esz;
    for (unsigned i = 0; i < 16u >> esz; i++) {
        uint64_t x = get(a, esz, i);
        int64_t s = sext(x, esz);
        if (opc == OP_vsari)
            put(&v, esz, i, s >> (n < bits ? n : bits - 1));
        else
            put(&v, esz, i, n >= bits ? 0 : opc == OP_vshli ? x << n : x >> n);
    }
    return v;
}

/* Which lane of b:a goes to lane i. */
static unsigned source_lane(unsigned opc, unsigned n, unsigned i)
{
    unsigned from_b = i & 1 ? n : 0, half = n / 2;
    switch (opc) {
    case OP_vzip1: return i / 2 + from_b;
    case OP_vzip2: return half + i / 2 + from_b;
    case OP_vuzp1: return 2 * i;
    case OP_vuzp2: return 2 * i + 1;
    case OP_vtrn1: return (i & ~1u) + from_b;
    default: return (i & ~1u) + 1 + from_b; /* vtrn2 */
    }
}

static union ir_vec permute(unsigned opc, unsigned esz, const union ir_vec arg[3])
{
    union ir_vec v;
    unsigned n = 16u >> esz;
    for (unsigned i = 0; i < n; i++) {
        unsigned from = source_lane(opc, n, i);
        put(&v, esz, i, get(&arg[from >= n], esz, from % n));
    }
    return v;
}

static union ir_vec pick_bytes(unsigned opc, uint32_t attr, const union ir_vec arg[3])
{
    union ir_vec v;
    unsigned esz = attr & 0xff, container = attr >> 8;
    for (unsigned i = 0; i < 16; i++) {
        unsigned from = arg[1].b[i];
        if (opc == OP_vextb)
            v.b[i] = arg[(i + attr) >> 4].b[(i + attr) & 15];
        else if (opc == OP_vrev)
            v.b[i] = arg[0].b[i ^ (((1u << container) - 1) & ~((1u << esz) - 1))];
        else
            v.b[i] = from < 16 ? arg[0].b[from] : 0; /* vtbl */
    }
    return v;
}

/* Lanes that become twice as wide. */
static union ir_vec widen(unsigned opc, unsigned esz, const union ir_vec arg[3])
{
    union ir_vec v;
    for (unsigned i = 0; i < 8u >> esz; i++) {
        uint64_t a = get(&arg[0], esz, i), b = get(&arg[1], esz, i);
        int64_t sa = get_signed(&arg[0], esz, i), sb = get_signed(&arg[1], esz, i);
        put(&v, esz + 1, i,
            opc == OP_vwidenu  ? a
            : opc == OP_vmullu ? a * b
            : opc == OP_vmulls ? (uint64_t)(sa * sb)
                               : (uint64_t)sa);
    }
    return v;
}

static union ir_vec spread(unsigned esz, uint64_t x)
{
    union ir_vec v;
    for (unsigned i = 0; i < 16u >> esz; i++)
        put(&v, esz, i, x);
    return v;
}

static union ir_vec insert(uint32_t attr, union ir_vec v, uint64_t x)
{
    put(&v, attr & 0xff, attr >> 8, x);
    return v;
}

static uint64_t extract(uint32_t attr, const union ir_vec *a)
{
    unsigned esz = attr & 0xff, i = attr >> 8 & 0xff;
    return attr >> 16 ? (uint64_t)get_signed(a, esz, i) : get(a, esz, i);
}

static union ir_vec count_bits(const union ir_vec *a)
{
    union ir_vec v;
    for (unsigned i = 0; i < 16; i++)
        v.b[i] = __builtin_popcount(a->b[i]);
    return v;
}

union ir_vec ir_eval_vec(unsigned opc, uint32_t attr, const union ir_vec arg[3])
{
    unsigned esz = attr & 3;
    const union ir_vec *a = &arg[0], *b = &arg[1], *c = &arg[2];
    switch (opc) {
    case OP_vand:
    case OP_vor:
    case OP_vxor:
    case OP_vandn:
    case OP_vbsl:
        return (union ir_vec){
            .d = {logic(opc, a->d[0], b->d[0], c->d[0]), logic(opc, a->d[1], b->d[1], c->d[1])}};
    case OP_vshli:
    case OP_vshri:
    case OP_vsari: return shift(opc, esz, attr >> 8, a);
    case OP_vdup: return spread(esz, a->d[0]);
    case OP_vins: return insert(attr, *a, b->d[0]);
    case OP_vextr: return (union ir_vec){.d = {extract(attr, a), 0}};
    case OP_vmake: return (union ir_vec){.d = {a->d[0], b->d[0]}};
    case OP_vzip1:
    case OP_vzip2:
    case OP_vuzp1:
    case OP_vuzp2:
    case OP_vtrn1:
    case OP_vtrn2: return permute(opc, esz, arg);
    case OP_vnarrow: return permute(OP_vuzp1, esz - 1, arg);
    case OP_vextb:
    case OP_vrev:
    case OP_vtbl: return pick_bytes(opc, attr, arg);
    case OP_vwidenu:
    case OP_vwidens:
    case OP_vmullu:
    case OP_vmulls: return widen(opc, esz, arg);
    case OP_vpopcnt8: return count_bits(a);
    case OP_vany: return (union ir_vec){.d = {(a->d[0] | a->d[1]) != 0, 0}};
    case OP_vsigns: return (union ir_vec){.d = {ir_eval_signs(esz, a), 0}};
    case OP_sse: return ir_eval_sse(attr, arg);
    case OP_sha256: return ir_eval_sha256(arg);
    case OP_vlow:
    case OP_vfrom64:
    case OP_vto64: return (union ir_vec){.d = {a->d[0], 0}};
    case OP_vfrom32:
    case OP_vto32: return (union ir_vec){.d = {(uint32_t)a->d[0], 0}};
    default: return by_lanes(opc, esz, arg);
    }
}
