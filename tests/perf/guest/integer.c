/* Integer programs: shifts, tables, branches, calls, wide multiplication, division. */
#include "tests/perf/guest/bench.h"

#include <stdlib.h>

/* --- primes: a sieve of odd numbers, one bit each --- */
uint64_t bench_primes(void)
{
    enum { LIMIT = 6000000 };
    uint64_t *composite = bench_alloc(LIMIT / 16 + 8), sum = 0;
    for (uint32_t n = 3; n * n < LIMIT; n += 2)
        if (!(composite[n / 128] >> (n / 2 % 64) & 1))
            for (uint32_t m = n * n; m < LIMIT; m += 2 * n)
                composite[m / 128] |= UINT64_C(1) << (m / 2 % 64);
    for (uint32_t n = 3; n < LIMIT; n += 2)
        if (!(composite[n / 128] >> (n / 2 % 64) & 1))
            sum += n;
    free(composite);
    return sum;
}

/* --- mergesort --- */
static void merge_sort(uint32_t *a, uint32_t *spare, unsigned n)
{
    if (n < 2)
        return;
    unsigned half = n / 2, i = 0, j = half, k = 0;
    merge_sort(a, spare, half);
    merge_sort(a + half, spare, n - half);
    memcpy(spare, a, half * sizeof(*a));
    while (i < half && j < n)
        a[k++] = a[j] < spare[i] ? a[j++] : spare[i++];
    while (i < half)
        a[k++] = spare[i++];
}

uint64_t bench_mergesort(void)
{
    enum { N = 200000 };
    uint32_t *a = bench_alloc(N * sizeof(*a)), *spare = bench_alloc(N * sizeof(*a));
    uint64_t seed = 1, sum = 0;
    for (unsigned i = 0; i < N; i++)
        a[i] = bench_random(&seed);
    merge_sort(a, spare, N);
    for (unsigned i = 0; i < N; i++)
        sum = bench_mix(sum, a[i]);
    free(a);
    free(spare);
    return sum;
}

/* --- bignum: powers of 3 by schoolbook squaring on 64-bit digits --- */
static void square(uint64_t *to, const uint64_t *x, unsigned n)
{
    memset(to, 0, 2 * n * sizeof(*to));
    for (unsigned i = 0; i < n; i++) {
        uint64_t carry = 0;
        for (unsigned j = 0; j < n; j++) {
            unsigned __int128 p = (unsigned __int128)x[i] * x[j] + to[i + j] + carry;
            to[i + j] = p;
            carry = p >> 64;
        }
        to[i + n] = carry;
    }
}

uint64_t bench_bignum(void)
{
    enum { DIGITS = 2048 };
    static uint64_t a[DIGITS], b[DIGITS];
    uint64_t sum = 0;
    memset(a, 0, sizeof(a));
    a[0] = 3;
    for (unsigned n = 1; n < DIGITS; n *= 2) {
        square(b, a, n);
        memcpy(a, b, 2 * n * sizeof(*a));
    }
    for (unsigned i = 0; i < DIGITS; i++)
        sum = bench_mix(sum, a[i]);
    return sum;
}

/* --- machine: an interpreter of stack code, by switch --- */
enum { PUSH, ADD, MUL, DUP, LOAD, STORE, LESS, JUMP_IF, JUMP, STOP };

static uint64_t interpret(const int32_t *code)
{
    uint64_t stack[16], vars[2] = {0}, *sp = stack;
    for (const int32_t *p = code;;) {
        switch (*p++) {
        case PUSH: *sp++ = *p++; break;
        case ADD: sp--, sp[-1] += *sp; break;
        case MUL: sp--, sp[-1] *= *sp; break;
        case DUP: *sp = sp[-1], sp++; break;
        case LOAD: *sp++ = vars[*p++]; break;
        case STORE: vars[*p++] = *--sp; break;
        case LESS: sp--, sp[-1] = sp[-1] < *sp; break;
        case JUMP_IF: p = *--sp ? code + *p : p + 1; break;
        case JUMP: p = code + *p; break;
        default: return vars[1];
        }
    }
}

uint64_t bench_machine(void)
{
    /* while (v0 < 400000) v1 = v1 * 31 + v0 * v0, v0 = v0 + 1 */
    enum { BODY = 2, TEST = 21 };
    /* clang-format off */
    static const int32_t code[] = {
        /* 0 */ JUMP, TEST,
        /* BODY */ LOAD, 1, PUSH, 31, MUL, LOAD, 0, DUP, MUL, ADD, STORE, 1, LOAD, 0, PUSH, 1, ADD, STORE, 0,
        /* TEST */ LOAD, 0, PUSH, 400000, LESS, JUMP_IF, BODY, STOP,
    };
    /* clang-format on */
    return interpret(code);
}

/* --- compress: LZ77 with hash chains of length one, and back --- */
static unsigned lz_pack(uint8_t *to, const uint8_t *in, unsigned n)
{
    static uint32_t last[1 << 14];
    unsigned out = 0, i = 0;
    memset(last, 0, sizeof(last));
    while (i + 4 < n) {
        uint32_t word, len = 0;
        memcpy(&word, in + i, 4);
        uint32_t *slot = &last[word * UINT32_C(2654435761) >> 18], from = *slot;
        *slot = i + 1;
        if (from--)
            while (len < 255 && i + len < n && in[from + len] == in[i + len])
                len++;
        if (len >= 4 && i - from < 65536) {
            to[out] = 1, to[out + 1] = len, to[out + 2] = i - from, to[out + 3] = (i - from) >> 8;
            out += 4, i += len;
        } else {
            to[out] = 0, to[out + 1] = in[i++], out += 2;
        }
    }
    return out;
}

static unsigned lz_unpack(uint8_t *to, const uint8_t *in, unsigned n)
{
    unsigned out = 0;
    for (unsigned i = 0; i < n;) {
        if (!in[i]) {
            to[out++] = in[i + 1], i += 2;
            continue;
        }
        unsigned back = in[i + 2] | in[i + 3] << 8;
        for (unsigned len = in [i + 1]; len; len--, out++)
            to[out] = to[out - back];
        i += 4;
    }
    return out;
}

static int repeats(uint64_t *seed, unsigned i)
{
    return i > 300 && bench_random(seed) % 8;
}

uint64_t bench_compress(void)
{
    enum { N = 1 << 20 };
    uint8_t *text = bench_alloc(N), *packed = bench_alloc(2 * N), *back = bench_alloc(N + 256);
    uint64_t seed = 7, sum = 0;
    for (unsigned i = 0; i < N; i++)
        text[i] = repeats(&seed, i) ? text[i - 1 - bench_random(&seed) % 2 * 287]
                                    : "etaoin shrdlu"[seed % 13];
    for (unsigned n = 0; n < 4; n++) {
        unsigned size = lz_pack(packed, text, N);
        unsigned again = lz_unpack(back, packed, size);
        sum = bench_mix(bench_mix(sum, size), again + (memcmp(back, text, again) != 0));
        text[n * 1000] ^= 1;
    }
    free(text);
    free(packed);
    free(back);
    return sum;
}

/* --- queens: recursion with masks --- */
static unsigned queens(unsigned all, unsigned columns, unsigned left, unsigned right)
{
    if (columns == all)
        return 1;
    unsigned n = 0;
    for (unsigned safe = all & ~(columns | left | right); safe; safe &= safe - 1) {
        unsigned bit = safe & -safe;
        n += queens(all, columns | bit, (left | bit) << 1, (right | bit) >> 1);
    }
    return n;
}

uint64_t bench_queens(void)
{
    return queens((1 << 10) - 1, 0, 0, 0) << 16 | queens((1 << 9) - 1, 0, 0, 0);
}

/* --- siphash: rotations and additions in a long chain.  Ref: Aumasson and Bernstein, SipHash,
 * 2012. --- */
static uint64_t rotate(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1], v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0], v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1], v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2], v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

uint64_t bench_siphash(void)
{
    uint64_t v[4] = {1, 2, 3, 4};
    for (uint64_t word = 0; word < 1500000; word++) {
        v[3] ^= word;
        sip_round(v);
        sip_round(v);
        v[0] ^= word;
    }
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* --- tree: an unbalanced search tree, walked through function pointers --- */
struct node {
    struct node *child[2];
    uint32_t key;
};
typedef uint64_t visit_fn(uint64_t sum, uint32_t key);

static uint64_t visit_even(uint64_t sum, uint32_t key)
{
    return sum + key;
}

static uint64_t visit_odd(uint64_t sum, uint32_t key)
{
    return bench_mix(sum, key);
}

static uint64_t walk(const struct node *n, uint64_t sum, visit_fn *const visit[2])
{
    if (!n)
        return sum;
    sum = walk(n->child[0], sum, visit);
    sum = visit[n->key & 1](sum, n->key);
    return walk(n->child[1], sum, visit);
}

uint64_t bench_tree(void)
{
    enum { N = 30000 };
    static visit_fn *const visit[2] = {visit_even, visit_odd};
    struct node *nodes = bench_alloc(N * sizeof(*nodes)), *root = NULL;
    uint64_t seed = 3, sum = 0;
    for (unsigned i = 0; i < N; i++) {
        struct node **at = &root;
        nodes[i].key = bench_random(&seed);
        while (*at)
            at = &(*at)->child[(*at)->key < nodes[i].key];
        *at = &nodes[i];
    }
    for (unsigned n = 0; n < 25; n++)
        sum = walk(root, sum, visit);
    free(nodes);
    return sum;
}

/* --- divide: greatest common divisors, 32 and 64 bits --- */
uint64_t bench_divide(void)
{
    uint64_t seed = 5, sum = 0;
    for (unsigned i = 0; i < 60000; i++) {
        uint64_t a = bench_random(&seed) | 1, b = bench_random(&seed) >> (i % 40), t;
        for (; b; a = b, b = t)
            t = a % b;
        int32_t c = (int32_t)seed, d = (int32_t)(seed >> 40) | 1;
        sum = bench_mix(sum, a + (uint64_t)(int64_t)(c / d) + (uint64_t)(int64_t)(c % d));
    }
    return sum;
}
