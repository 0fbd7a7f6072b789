/*
 * Execute each instruction of a list at each exception level, under each of some settings of the
 * registers that trap, and write down what came of it.  Runs in EL3 without an MMU; start.S is the
 * rest of it, run.py makes the lists and reads the results.
 */
typedef unsigned long u64;
typedef unsigned int u32;

enum { MAX_SETTINGS = 640, MAX_INSNS = 40000, MAX_RESULTS = 2400000, SVC_127 = 0xd4000fe1 };
enum { IS_READ = 1 << 21, EC_SVC = 0x15 };

/* As FIELDS of run.py. */
struct setting {
    u64 scr, cptr3, mdcr3, hcr, cptr2, mdcr2, hstr, cnthctl;
    u64 hfgrtr, hfgwtr, hfgitr, hdfgrtr, hdfgwtr;
    u64 sctlr1, cpacr, cntkctl, mdscr, pmuserenr, hcrx, sctlr2, sp0;
};

extern volatile u64 result, value;
void run(u64 spsr, u64 pc, u64 x0);
u64 semihost(u64 op, void *block);

static struct setting settings[MAX_SETTINGS];
static u32 insns[MAX_INSNS], results[MAX_RESULTS];
static u64 at_el3[MAX_INSNS]; /* what a register read as */
static u32 code[2 * MAX_INSNS] __attribute__((aligned(4096)));
static int has_fgt, has_hcx, has_pmu;

/* clang-format off */
#define WRITE(reg, val) __asm__ volatile("msr " #reg ", %0" ::"r"((u64)(val)))
#define READ(reg) ({ u64 v_; __asm__ volatile("mrs %0, " #reg : "=r"(v_)); v_; })
/* clang-format on */

static u64 file_open(const char *name, u64 mode, u64 len)
{
    u64 block[3] = {(u64)name, mode, len};
    return semihost(1, block);
}

static u64 file_read(const char *name, u64 len, void *buf, u64 n)
{
    u64 block[3] = {file_open(name, 1, len), (u64)buf, n};
    return n - semihost(6, block);
}

static void file_write(const char *name, u64 len, const void *buf, u64 n)
{
    u64 block[3] = {file_open(name, 5, len), (u64)buf, n};
    semihost(5, block);
    semihost(2, block);
}

static void set_vectors(void)
{
    extern char vec1[], vec2[], vec3[];
    WRITE(vbar_el1, vec1);
    WRITE(vbar_el2, vec2);
    WRITE(vbar_el3, vec3);
}

static void apply(const struct setting *s)
{
    WRITE(hcr_el2, s->hcr);
    WRITE(cptr_el3, s->cptr3);
    WRITE(mdcr_el3, s->mdcr3);
    WRITE(cptr_el2, s->cptr2);
    WRITE(mdcr_el2, s->mdcr2);
    WRITE(hstr_el2, s->hstr);
    WRITE(cnthctl_el2, s->cnthctl);
    WRITE(sctlr_el1, s->sctlr1);
    WRITE(cpacr_el1, s->cpacr);
    WRITE(cntkctl_el1, s->cntkctl);
    WRITE(mdscr_el1, s->mdscr);
    WRITE(sctlr_el2, s->sctlr2);
    WRITE(sctlr_el3, 0x30c50830);
    if (has_pmu)
        WRITE(pmuserenr_el0, s->pmuserenr);
    if (has_fgt) {
        WRITE(S3_4_C1_C1_4, s->hfgrtr);
        WRITE(S3_4_C1_C1_5, s->hfgwtr);
        WRITE(S3_4_C1_C1_6, s->hfgitr);
        WRITE(S3_4_C3_C1_4, s->hdfgrtr);
        WRITE(S3_4_C3_C1_5, s->hdfgwtr);
    }
    if (has_hcx)
        WRITE(S3_4_C1_C2_2, s->hcrx);
    set_vectors();
    WRITE(scr_el3, s->scr);
    __asm__ volatile("isb");
}

/* What a register is written with: what it read as at EL3 under the first setting. */
static u64 value_for(u32 i)
{
    int follows = i && insns[i - 1] == (insns[i] | IS_READ);
    return follows && !(insns[i] & IS_READ) ? at_el3[i - 1] : 0;
}

static u32 probe(const struct setting *s, int el, u32 i, int is_first)
{
    static const u64 spsr[4] = {0x3c0, 0x3c5, 0x3c9, 0x3cd};

    apply(s);
    run(spsr[el] & ~(s->sp0 && el ? 1ul : 0ul), (u64)&code[2 * i], value_for(i));
    if (is_first && el == 3)
        at_el3[i] = (result >> 26 & 63) == EC_SVC ? value : 0;
    return ((u32)result & ~(1u << 25)) ^ (u32)(result >> 32) << 24;
}

void main(void)
{
    u64 nsettings = file_read("settings.bin", 12, settings, sizeof(settings)) / sizeof(settings[0]);
    u32 n = (u32)(file_read("insns.bin", 9, insns, sizeof(insns)) / 4);
    u64 done = 0;

    has_fgt = READ(S3_0_C0_C7_0) >> 56 & 15;
    has_hcx = READ(S3_0_C0_C7_1) >> 40 & 15;
    has_pmu = READ(S3_0_C0_C5_0) >> 8 & 15;
    for (u32 i = 0; i < n; i++) {
        code[2 * i] = insns[i];
        code[2 * i + 1] = SVC_127;
    }
    __asm__ volatile("dsb sy; ic iallu; dsb sy; isb");
    for (u64 c = 0; c < nsettings; c++)
        for (int el = 3; el >= 0; el--)
            for (u32 i = 0; i < n && done < MAX_RESULTS; i++)
                results[done++] = probe(&settings[c], el, i, c == 0);
    file_write("results.bin", 11, results, done * 4);
    u64 block[2] = {0x20026, 0};
    semihost(0x18, block);
}
