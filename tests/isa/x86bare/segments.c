/*
 * Every kind of descriptor against every way to use it: LAR, LSL, VERR, VERW, loads of DS and SS,
 * far jumps and returns, from levels 0 and 3, with every RPL and DPL, present and not.
 *
 * Ref: SDM vol. 2, the instructions' pages; vol. 3, 5.5 to 5.8.
 */
#include "tests/isa/x86bare/bare.h"

enum {
    A = 1,
    RW = 2,
    CE = 4 /* conforming, or expand-down */,
    CODE = 8,
    S = 16,
    LONG = sizeof(word) == 8
};

/* What is tried, and the model's answer: the vector, or -1 with a value. */
static unsigned type, dpl, rpl, cpl;
static bool present;
struct answer {
    int vector;
    word value;
    unsigned error; /* the selector */
};

void do_lar(void), do_lsl(void), do_verr(void), do_verw(void), do_ds(void), do_ss(void),
    do_jmp(void), do_ret(void);
__asm__(".text;"
        "do_lar: mov $0, %ecx; lar %eax, %ecx; setz %dl; ret;"
        "do_lsl: mov $0, %ecx; lsl %eax, %ecx; setz %dl; ret;"
        "do_verr: verr %ax; setz %dl; ret;"
        "do_verw: verw %ax; setz %dl; ret;"
        "do_ds: mov %ds, %edi; mov %eax, %ds; mov %edi, %ds; ret;"
        "do_ss: mov %ss, %edi; mov %eax, %ss; mov %edi, %ss; ret;"
        "arrive: int $0x30;");
#ifdef __x86_64__
__asm__(".text; do_jmp: ljmp *(%rsi);"
        "do_ret: push $0x23; push %rdi; push %rax; push %rbx; lretq;");
#else
__asm__(".text; do_jmp: ljmp *(%esi);"
        "do_ret: push $0x23; push %edi; push %eax; push %ebx; lret;");
#endif
extern const char arrive[];

static bool is_code(void)
{
    return (type & (S | CODE)) == (S | CODE);
}

static bool is_conforming(void)
{
    return is_code() && (type & CE);
}

static bool is_visible(void)
{
    return is_conforming() || (dpl >= cpl && dpl >= rpl);
}

static struct answer told(bool ok)
{
    return (struct answer){-1, ok, 0};
}

static struct answer faults(int vector)
{
    return (struct answer){vector, 0, FREE};
}

static struct answer lar(void)
{
    unsigned known = LONG ? 0x1a04 : 0x1a3e;

    return told(is_visible() && (type & S || known >> type & 1));
}

static struct answer lsl(void)
{
    unsigned known = LONG ? 0x0a04 : 0x0a0e;

    return told(is_visible() && (type & S || known >> type & 1));
}

static struct answer verr(void)
{
    return told((type & S) && is_visible() && (!is_code() || (type & RW)));
}

static struct answer verw(void)
{
    return told((type & S) && is_visible() && !is_code() && (type & RW));
}

static struct answer ds(void)
{
    if (!(type & S) || (is_code() && !(type & RW)))
        return faults(GP);
    if (!is_conforming() && (rpl > dpl || cpl > dpl))
        return faults(GP);
    return present ? told(true) : faults(NP);
}

static struct answer ss(void)
{
    if (rpl != cpl || dpl != cpl || !(type & S) || is_code() || !(type & RW))
        return faults(GP);
    return present ? told(true) : faults(SS);
}

static struct answer jmp(void)
{
    if (!is_code() || (is_conforming() ? dpl > cpl : rpl > cpl || dpl != cpl))
        return faults(GP);
    return present ? told(true) : faults(NP);
}

/* To an outer level with a stack segment of level 3. */
static struct answer ret(void)
{
    if (!is_code() || rpl < cpl || (is_conforming() ? dpl > rpl : dpl != rpl))
        return faults(GP);
    if (!present)
        return faults(NP);
    if (rpl != cpl && rpl != 3)
        return (struct answer){GP, 0, DATA3 & ~3};
    return told(true);
}

static const struct use {
    const char *name;
    void (*code)(void);
    struct answer (*model)(void);
    enum { TELLS = 1, NO_SYSTEM = 2 } how;
} uses[] = {{"LAR", do_lar, lar, TELLS},     {"LSL", do_lsl, lsl, TELLS},
            {"VERR", do_verr, verr, TELLS},  {"VERW", do_verw, verw, TELLS},
            {"MOV DS", do_ds, ds, 0},        {"MOV SS", do_ss, ss, 0},
            {"JMP", do_jmp, jmp, NO_SYSTEM}, {"RET", do_ret, ret, 0}};

/* Far jumps to tasks and gates are other tests'. */
static bool is_for_jumps(void)
{
    return !(type & S) && (0x1a3a >> type & 1);
}

static void attempt(const struct use *use)
{
    uint32_t selector = FREE | rpl;
    static struct {
        uint32_t offset;
        uint16_t selector;
    } far;

    far.offset = (uint32_t)(word)arrive;
    far.selector = (uint16_t)selector;
    /* Code of 64-bit mode must lie where level 3 finds it. */
    word user = cpl || (use->code == do_ret && rpl == 3) ? USER : 0;
    far.offset += user;
    uint32_t kind = 0xc000; /* G, D */
    if (LONG && is_code())
        kind = 0xa000; /* G, L */
    gdt[FREE / 8] = descriptor(0, 0xfffff, type | dpl << 5 | present << 7 | kind);
    gdt[FREE / 8 + 1] = 0;
    regs = (struct regs){.a = selector,
                         .si = (word)&far + (cpl ? USER : 0),
                         .di = (word)user_stack_top + USER,
                         .b = far.offset};
    struct answer wanted = use->model();
    int vector = cpl ? try3(use->code) : try(use->code);
    context[0] = (struct context){use->name, type};
    context[1] = (struct context){"dpl rpl cpl", dpl << 8 | rpl << 4 | cpl};
    context[2] = (struct context){"present", present};
    if (!equal("vector", (word)vector, (word)wanted.vector))
        return;
    if (wanted.vector >= 0)
        equal("error code", frame.error, wanted.error);
    else if (use->how == TELLS)
        equal("ZF", regs.d & 0xff, wanted.value);
    if (wanted.vector < 0 && wanted.value && use->code == do_lar)
        equal("rights", regs.c & 0xf0ff00, gdt[FREE / 8] >> 32 & 0xf0ff00);
    if (wanted.vector < 0 && wanted.value && use->code == do_lsl)
        equal("limit", regs.c, 0xffffffff);
    bool loaded = wanted.vector < 0 && use->how != TELLS;
    equal("accessed", (gdt[FREE / 8] >> 40 & (S | A)) == (S | A),
          (type & S) && ((type & A) || loaded));
}

void main(void)
{
    unsigned attempts = 0;

    for (cpl = 0; cpl <= 3; cpl += 3)
        for (unsigned k = 0; k < 0x400; k++) {
            type = k & 31;
            dpl = k >> 5 & 3;
            rpl = k >> 7 & 3;
            present = k >> 9;
            for (const struct use *use = uses; use < uses + sizeof(uses) / sizeof(uses[0]);
                 use++, attempts++)
                if (!(use->how == NO_SYSTEM && is_for_jumps()))
                    attempt(use);
        }
    context[0].name = NULL;
    equal("attempts", attempts, 2 * 0x400 * 8);
}
