/*
 * Paging by a model of it: rights, reserved bits, accessed and dirty flags at every level, in every
 * mode, of every kind of access.
 *
 * Ref: SDM vol. 3, 4.3 to 4.5 (formats, reserved bits), 4.6 (rights), 4.7 (error codes), 4.8
 * (accessed and dirty flags).
 */
#include "tests/isa/x86bare/bare.h"

enum { P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80, ALL = P | W | U };
enum { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_I = 16, PF_PK = 32 };
enum {
    CR0_WP = 1 << 16,
    CR4_PSE = 1 << 4,
    CR4_PAE = 1 << 5,
    CR4_SMEP = 1 << 20,
    CR4_SMAP = 1 << 21,
    CR4_PKE = 1 << 22
};
enum access { READ, WRITE, FETCH };
enum { CR0_PG = (int)0x80000000 };
enum { USER_BASE = 0x40000000 };
enum { TABLES = 0x80000, PAGE_AT = 0x98000, MAX_LEVELS = 5 };
#define NX UINT64_C(0x8000000000000000)

/* A paging mode, and what was chosen for one attempt. */
static struct {
    const char *name;
    unsigned levels, index_bits, entry_size,
        top; /* top: the highest level whose entry is read at an access */
    bool long_mode, nxe;
} mode;
static unsigned leaf; /* the level of the leaf */
static unsigned physical_bits;
static word target;
static uint64_t entry[MAX_LEVELS]; /* what each level has, without A and D */
static bool wp, smep, smap, ac, pke;
static uint32_t pkru;

/* ---- tables ---- */

static uint64_t load(unsigned level)
{
    word at = TABLES + 0x1000 * level +
              mode.entry_size *
                  ((target >> (12 + mode.index_bits * level)) & ((1u << mode.index_bits) - 1));

    return mode.entry_size == 4 ? *(volatile uint32_t *)at : *(volatile uint64_t *)at;
}

static void store(unsigned level, uint64_t e)
{
    word at = TABLES + 0x1000 * level +
              mode.entry_size *
                  ((target >> (12 + mode.index_bits * level)) & ((1u << mode.index_bits) - 1));

    if (mode.entry_size == 4)
        *(volatile uint32_t *)at = (uint32_t)e;
    else
        *(volatile uint64_t *)at = e;
}

static void permissive(void)
{
    for (unsigned level = leaf; level <= mode.top; level++)
        entry[level] = ALL | (TABLES + 0x1000 * (level - 1));
    entry[leaf] = ALL | (leaf ? PS : PAGE_AT);
}

/* ---- the model ---- */

static uint64_t bits(unsigned first, unsigned last)
{
    return last < first ? 0 : (UINT64_MAX >> (63 - last + first)) << first;
}

static uint64_t reserved(unsigned level)
{
    bool large = level && (entry[level] & PS) && level == leaf;

    if (mode.levels == 2)
        return large ? bits(13 + (physical_bits < 40 ? physical_bits : 40) - 32, 21) : 0;
    uint64_t r = bits(physical_bits, 51) | (mode.nxe ? 0 : NX);
    if (!mode.long_mode)
        r |= bits(52, 62);
    if (large)
        r |= bits(13, 12 + 9 * level - 1);
    if (level > 2)
        r |= PS;
    return r;
}

/* -1: no fault, else its error code. */
static int model(enum access access, bool user)
{
    int error = (user ? PF_U : 0) | (access == WRITE ? PF_W : 0);
    uint64_t rights = W | U;
    bool no_execute = false;

    if (access == FETCH && ((mode.nxe && mode.levels > 2) || smep))
        error |= PF_I;
    for (unsigned level = mode.top + 1; level-- > leaf;) {
        if (!(entry[level] & P))
            return error;
        if (entry[level] & reserved(level))
            return error | PF_P | PF_RSVD;
        rights &= entry[level];
        no_execute |= (entry[level] & NX) != 0;
    }
    bool user_page = rights & U, writable = rights & W, bad = false;
    if (user)
        bad = !user_page || (access == WRITE && !writable);
    else if (access == WRITE)
        bad = !writable && wp;
    if (!user && user_page && access == FETCH)
        bad |= smep;
    if (!user && user_page && access != FETCH)
        bad |= smap && !ac;
    if (access == FETCH)
        bad |= no_execute;
    unsigned key = pke ? pkru >> 2 * (entry[leaf] >> 59 & 15) & 3 : 0;
    if (pke && user_page && access != FETCH &&
        ((key & 1) || ((key & 2) && access == WRITE && (user || wp)))) {
        error |= PF_PK;
        bad = true;
    }
    return bad ? error | PF_P : -1;
}

/* ---- attempts ---- */

void do_read(void), do_write(void), do_fetch(void);
#ifdef __x86_64__
__asm__(".text; do_read: mov (%rsi), %al; ret; do_write: movb $0xc3, (%rsi); ret; do_fetch: call "
        "*%rsi; ret");
#else
__asm__(".text; do_read: mov (%esi), %al; ret; do_write: movb $0xc3, (%esi); ret; do_fetch: call "
        "*%esi; ret");
#endif
/* The same at level 0 with AC, which the end of an attempt clears. */
static void (*inner)(void) __attribute__((used));
void with_ac(void);
#ifdef __x86_64__
__asm__(".text; with_ac: pushf; orl $0x40000, (%rsp); popf; jmp *inner");
#else
__asm__(".text; with_ac: pushf; orl $0x40000, (%esp); popf; jmp *inner");
#endif

static void check_flags(enum access access, bool faulted)
{
    for (unsigned level = leaf; level <= mode.top; level++) {
        uint64_t e = load(level);
        if (!faulted)
            equal("accessed", (e & A) != 0, true);
        else if (level == leaf)
            equal("accessed, of a leaf that faults", (e & A) != 0, false);
        equal("dirty", (e & D) != 0, !faulted && access == WRITE && level == leaf);
        equal("the rest of an entry", (word)(e & ~(uint64_t)(A | D)), (word)entry[level]);
    }
}

static unsigned attempts;
static void attempt(enum access access, bool user)
{
    static void (*const code[])(void) = {do_read, do_write, do_fetch};
    int wanted = model(access, user);

    for (unsigned level = leaf; level <= mode.top; level++)
        store(level, entry[level]);
    __asm__ volatile("invlpg (%0)" : : "r"(target) : "memory");
    context[0] = (struct context){mode.name, leaf};
    context[1] = (struct context){"access", access + 16 * user};
    context[2] = (struct context){"wp smep smap ac pke",
                                  wp << 4 | smep << 3 | smap << 2 | ac << 1 | (word)pke};
    context[3] = (struct context){"top entry", (word)entry[mode.top]};
    context[4] = (struct context){"leaf entry", (word)entry[leaf]};
    context[5] = (struct context){"its upper half", (word)(entry[leaf] >> 32)};
    context[6].name = NULL;
    regs = (struct regs){.si = target - (user && !mode.long_mode ? USER_BASE : 0)};
    inner = code[access];
    int vector = user ? try3(code[access]) : try(ac ? with_ac : code[access]);
    attempts++;
    if (!equal("vector", (word)vector, wanted < 0 ? (word)-1 : PF))
        return;
    if (wanted >= 0) {
        equal("error code", frame.error, (word)wanted);
        equal("CR2", read_cr2(), target);
    }
    check_flags(access, wanted >= 0);
}

static void all_accesses(void)
{
    for (enum access access = READ; access <= FETCH; access++) {
        attempt(access, false);
        if (access != FETCH || !ac)
            attempt(access, true);
    }
}

/* ---- what is varied ---- */

/* Rights of one level while the others allow everything. */
static void rights_of_levels(void)
{
    unsigned kinds = mode.nxe && mode.levels > 2 ? 16 : 8;

    for (unsigned level = leaf; level <= mode.top; level++)
        for (unsigned k = 0; k < kinds; k++) {
            permissive();
            entry[level] = (entry[level] & ~(uint64_t)ALL) | (k & 7) | (k & 8 ? NX : 0);
            all_accesses();
        }
}

static void reserved_of_levels(void)
{
    unsigned width = 8 * mode.entry_size;

    wp = true;
    for (unsigned level = leaf; level <= mode.top; level++)
        for (unsigned bit = 7; bit < width; bit++) {
            permissive();
            if ((bit == 7 && level <= 2) || bit == 12 || (bit == 8 && level == leaf))
                continue;
            if (!(reserved(level) >> bit & 1) && bit > 8 && bit < 52)
                continue; /* the address */
            entry[level] |= UINT64_C(1) << bit;
            attempt(READ, false);
            attempt(WRITE, true);
        }
}

static void keys(void)
{
#ifdef __x86_64__
    for (pkru = 0; pkru < 4; pkru++) {
        uint32_t all = pkru;
        for (unsigned k = 0; k < 4; k++) {
            permissive();
            entry[leaf] = (entry[leaf] & ~(uint64_t)(W | U)) | (k & 1 ? W : 0) | (k & 2 ? U : 0) |
                          UINT64_C(5) << 59;
            pkru = all << 10;
            __asm__ volatile("wrpkru" : : "a"(pkru), "c"(0), "d"(0));
            all_accesses();
        }
        pkru = all;
    }
    pkru = 0;
    __asm__ volatile("wrpkru" : : "a"(0), "c"(0), "d"(0));
#endif
}

static void controls(void (*tests)(void), unsigned first, unsigned last)
{
    for (unsigned k = first; k <= last; k++) {
        wp = k & 1;
        smep = k & 2;
        smap = k & 4;
        ac = k & 8;
        if (ac && !smap)
            continue;
        write_cr0((read_cr0() & ~(word)CR0_WP) | (wp ? CR0_WP : 0));
        write_cr4((read_cr4() & ~(word)(CR4_SMEP | CR4_SMAP)) | (smep ? CR4_SMEP : 0) |
                  (smap ? CR4_SMAP : 0));
        tests();
    }
    smep = smap = ac = false;
    write_cr4(read_cr4() & ~(word)(CR4_SMEP | CR4_SMAP));
}

static void set_nxe(bool on)
{
    mode.nxe = on;
    wrmsr(0xc0000080, (rdmsr(0xc0000080) & ~UINT64_C(0x800)) | (on ? 0x800 : 0));
}

static void whole_mode(unsigned last_leaf)
{
    for (leaf = 0; leaf <= last_leaf; leaf++) {
        set_nxe(mode.levels > 2);
        controls(rights_of_levels, 0, 15);
        set_nxe(false);
        controls(reserved_of_levels, 1, 1);
        set_nxe(true);
        controls(reserved_of_levels, 1, 1);
        if (!mode.long_mode)
            continue;
        pke = true;
        write_cr4(read_cr4() | CR4_PKE);
        controls(keys, 0, 15);
        write_cr4(read_cr4() & ~(word)CR4_PKE);
        pke = false;
    }
}

/* ---- modes ---- */

static void clear_tables(void)
{
    for (uint32_t *p = (uint32_t *)TABLES; p < (uint32_t *)PAGE_AT; p++)
        *p = 0;
    *(volatile uint8_t *)PAGE_AT = 0xc3;
    *(volatile uint8_t *)0 = 0xc3; /* where large pages lie */
}

static void find_widths(void)
{
    uint32_t r[4];

    cpuid(0x80000008, 0, r);
    physical_bits = r[0] & 0xff;
}

#ifdef __x86_64__
/* CR4.LA57 changes while paging is off: by way of compatibility mode. */
void change_levels(word cr3);
__asm__(".text; change_levels: push $0x08; push $1f; lretq;"
        ".code32; 1: mov %cr0, %eax; and $0x7fffffff, %eax; mov %eax, %cr0;"
        "mov %cr4, %eax; xor $0x1000, %eax; mov %eax, %cr4; mov %edi, %cr3;"
        "mov %cr0, %eax; or $0x80000000, %eax; mov %eax, %cr0; ljmp $0x38, $1f;"
        ".code64; 1: ret");

static void long_mode(bool five)
{
    enum { PML4_ENTRIES = 512 };
    word own = read_cr3();

    clear_tables();
    mode.name = five ? "five levels, leaf" : "four levels, leaf";
    mode.levels = five ? 5 : 4;
    mode.index_bits = 9;
    mode.entry_size = 8;
    mode.long_mode = true;
    mode.top = mode.levels - 1;
    target = five ? UINT64_C(0x0001008080600000) : UINT64_C(0x0000008080600000);
    /* The program is where it was. */
    uint64_t *root = (uint64_t *)(word)(TABLES + 0x1000 * mode.top);
    if (five) {
        root[0] = own | ALL;
        change_levels((word)root);
        whole_mode(2);
        change_levels(own);
        return;
    }
    for (unsigned i = 0; i < PML4_ENTRIES; i++)
        root[i] = ((uint64_t *)own)[i];
    write_cr3((word)root);
    whole_mode(2);
    write_cr3(own);
}

static void all_modes(void)
{
    uint32_t r[4];

    long_mode(false);
    cpuid(7, 0, r);
    if (r[2] >> 16 & 1)
        long_mode(true);
}
#else
/* The program lies where it was for level 0, and at USER_BASE for level 3, whose segments begin
 * there. */
static void legacy(bool pae)
{
    enum { PDPT = 0x90000, PD0 = 0x91000, LEVEL1 = TABLES + 0x1000, BASE_HIGH = USER_BASE >> 24 };

    clear_tables();
    mode.name = pae ? "PAE, leaf" : "two levels, leaf";
    mode.levels = pae ? 3 : 2;
    mode.index_bits = pae ? 9 : 10;
    mode.entry_size = pae ? 8 : 4;
    mode.top = 1;
    target = USER_BASE + 0xc00000;
    gdt[CODE3 / 8] |= (uint64_t)BASE_HIGH << 56;
    gdt[DATA3 / 8] |= (uint64_t)BASE_HIGH << 56;
    if (pae) {
        *(uint64_t *)PDPT = PD0 | P;
        *(uint64_t *)(PDPT + 8) = LEVEL1 | P;
        *(uint64_t *)PD0 = PS | W | P;
        *(uint64_t *)LEVEL1 = PS | ALL;
        write_cr4(CR4_PAE);
        write_cr3(PDPT);
    } else {
        *(uint32_t *)LEVEL1 = PS | W | P;
        *(uint32_t *)(LEVEL1 + 4 * (USER_BASE >> 22)) = PS | ALL;
        write_cr4(CR4_PSE);
        write_cr3(LEVEL1);
    }
    write_cr0(read_cr0() | CR0_PG);
    whole_mode(1);
    write_cr0(read_cr0() & ~(word)CR0_PG);
}

static void all_modes(void)
{
    legacy(false);
    legacy(true);
}
#endif

void main(void)
{
    find_widths();
    all_modes();
    context[0].name = NULL;
    equal("attempts", attempts > 1000, true);
}
