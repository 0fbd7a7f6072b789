/*
 * Floating-point programs.  Results are compared bit by bit with other hosts': built without
 * contraction into fused operations, and without mathematical functions but the square root.
 */
#include "tests/perf/guest/bench.h"

#include <stdlib.h>

static uint64_t sum_of(const double *a, unsigned n)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum = bench_mix(sum, bench_bits(a[i]));
    return sum;
}

/* --- heat: Jacobi steps on a grid --- */
uint64_t bench_heat(void)
{
    enum { N = 128, STEPS = 40 };
    double *a = bench_alloc(N * N * 8), *b = bench_alloc(N * N * 8);
    for (unsigned i = 0; i < N; i++)
        a[i] = b[i] = 100.0 / (1 + i);
    for (unsigned n = 0; n < STEPS; n++) {
        for (unsigned i = 1; i < N - 1; i++)
            for (unsigned j = 1; j < N - 1; j++)
                b[i * N + j] = 0.25 * (a[i * N + j - 1] + a[i * N + j + 1] + a[i * N - N + j] +
                                       a[i * N + N + j]);
        double *t = a;
        a = b;
        b = t;
    }
    uint64_t sum = sum_of(a, N * N);
    free(a);
    free(b);
    return sum;
}

/* --- fft: radix 2, in place --- */
static void fft(double *re, double *im, unsigned n)
{
    double c = -1, s = 0; /* cosine and sine of pi / half, halved with each stage */
    for (unsigned half = 1; half < n; half *= 2) {
        double wr = 1, wi = 0;
        for (unsigned k = 0; k < half; k++) {
            for (unsigned i = k; i < n; i += 2 * half) {
                unsigned j = i + half;
                double tr = wr * re[j] - wi * im[j], ti = wr * im[j] + wi * re[j];
                re[j] = re[i] - tr, im[j] = im[i] - ti;
                re[i] += tr, im[i] += ti;
            }
            double t = wr * c - wi * s;
            wi = wr * s + wi * c, wr = t;
        }
        s = __builtin_sqrt((1 - c) / 2);
        c = __builtin_sqrt((1 + c) / 2);
    }
}

uint64_t bench_fft(void)
{
    enum { N = 1 << 14 };
    double *re = bench_alloc(N * 8), *im = bench_alloc(N * 8);
    uint64_t seed = 19;
    for (unsigned i = 0; i < N; i++)
        re[i] = (double)(bench_random(&seed) % 1000) / 500 - 1;
    for (unsigned n = 0; n < 4; n++) {
        fft(re, im, N);
        for (unsigned i = 0; i < N; i++)
            re[i] /= 128, im[i] /= 128;
    }
    uint64_t sum = sum_of(re, N) ^ sum_of(im, N);
    free(re);
    free(im);
    return sum;
}

/* --- lu: decomposition with pivots --- */
static void lu(double *a, unsigned n)
{
    for (unsigned k = 0; k < n; k++) {
        unsigned best = k;
        for (unsigned i = k + 1; i < n; i++)
            if (__builtin_fabs(a[i * n + k]) > __builtin_fabs(a[best * n + k]))
                best = i;
        for (unsigned j = 0; j < n; j++) {
            double t = a[k * n + j];
            a[k * n + j] = a[best * n + j];
            a[best * n + j] = t;
        }
        for (unsigned i = k + 1; i < n; i++) {
            double f = a[i * n + k] /= a[k * n + k];
            for (unsigned j = k + 1; j < n; j++)
                a[i * n + j] -= f * a[k * n + j];
        }
    }
}

uint64_t bench_lu(void)
{
    enum { N = 140 };
    double *a = bench_alloc(N * N * 8);
    uint64_t seed = 23;
    for (unsigned i = 0; i < N * N; i++)
        a[i] = (double)(int64_t)bench_random(&seed) / 9e18;
    lu(a, N);
    uint64_t sum = sum_of(a, N * N);
    free(a);
    return sum;
}

/* --- rays: spheres, nearest hits, shading --- */
struct vec {
    double x, y, z;
};
struct sphere {
    struct vec at;
    double r;
};

static double dot(struct vec a, struct vec b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static double hit(const struct sphere *s, struct vec dir)
{
    double b = dot(s->at, dir), d = b * b - dot(s->at, s->at) + s->r * s->r;
    if (d < 0)
        return 1e9;
    d = b - __builtin_sqrt(d);
    return d > 1e-3 ? d : 1e9;
}

static double shade(const struct sphere *s, struct vec dir, double t)
{
    static const struct vec light = {0.6, 0.64, -0.48};
    struct vec n = {(dir.x * t - s->at.x) / s->r, (dir.y * t - s->at.y) / s->r,
                    (dir.z * t - s->at.z) / s->r};
    double v = dot(n, light);
    return v > 0 ? v : 0;
}

uint64_t bench_rays(void)
{
    enum { SIZE = 120, SPHERES = 12 };
    struct sphere scene[SPHERES];
    uint64_t sum = 0;
    for (unsigned i = 0; i < SPHERES; i++)
        scene[i] = (struct sphere){{(i % 4) - 1.5, (i / 4) - 1.0, 4.0 + i * 0.3}, 0.4 + i * 0.03};
    for (unsigned i = 0; i < SIZE * SIZE; i++) {
        struct vec dir = {(i % SIZE) * 2.0 / SIZE - 1, (i / SIZE) * 2.0 / SIZE - 1, 1.5};
        double len = __builtin_sqrt(dot(dir, dir)), best = 1e9, v = 0;
        dir = (struct vec){dir.x / len, dir.y / len, dir.z / len};
        for (unsigned k = 0; k < SPHERES; k++) {
            double t = hit(&scene[k], dir);
            if (t < best)
                best = t, v = shade(&scene[k], dir, t);
        }
        sum = bench_mix(sum, bench_bits(best + v));
    }
    return sum;
}

/* --- biquad: single precision, a chain of filters --- */
uint64_t bench_biquad(void)
{
    float state[8][2] = {{0}}, out = 0;
    uint64_t seed = 29, sum = 0;
    for (unsigned i = 0; i < 60000; i++) {
        float x = (float)(int32_t)bench_random(&seed) / 2147483648.0f;
        for (unsigned k = 0; k < 8; k++) {
            float y = 0.2f * x + state[k][0];
            state[k][0] = 0.3f * x - 0.1f * (float)k * y + state[k][1];
            state[k][1] = 0.2f * x - 0.05f * y;
            x = y;
        }
        out += x < 0 ? -x : x;
        if (i % 64 == 0)
            sum = bench_mix(sum, bench_bits(out));
    }
    return sum;
}

/* --- horner: polynomials by fused multiply-add --- */
uint64_t bench_horner(void)
{
    static const double c[] = {1.0 / 5040, -1.0 / 720, 1.0 / 120, -1.0 / 24, 1.0 / 6, -0.5, 1, 1};
    double a = 0, b = 0;
    for (unsigned i = 0; i < 150000; i++) {
        double x = (i % 1000) * 0.001, p = c[0], q = c[0];
        for (unsigned k = 1; k < sizeof(c) / sizeof(c[0]); k++) {
            p = __builtin_fma(p, x, c[k]);
            q = __builtin_fma(q, -x, c[k]);
        }
        a += p;
        b = __builtin_fma(p, q, b * 0.5);
    }
    return bench_mix(bench_bits(a), bench_bits(b));
}

/* --- convert: between integers and both formats --- */
uint64_t bench_convert(void)
{
    uint64_t seed = 31, sum = 0;
    for (unsigned i = 0; i < 300000; i++) {
        uint64_t v = bench_random(&seed);
        double d = (double)(int64_t)v + (double)(uint32_t)v;
        float f = (float)d * 0.5f + (float)(int32_t)v;
        sum +=
            (uint64_t)(int64_t)(d / 3) + (uint64_t)(int64_t)(int32_t)(f / 1e12f) + (d < (double)f);
    }
    return sum;
}
