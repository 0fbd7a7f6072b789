/*
 * A fault while an exception is delivered: a double fault, or the second one alone; and
 * instructions that are too long.
 *
 * Ref: SDM vol. 3, 6.13 (error codes), table 6-5 (what makes a double fault); vol. 2, 2.3.11 (15
 * bytes).
 */
#include "tests/isa/x86bare/bare.h"

enum {
    EXT = 1,
    IN_IDT = 2,
    LONG = sizeof(word) == 8,
    GATE = 0x8e,
    OWN_CODE = LONG ? CODE64 : CODE0
};

void divides(void), is_undefined(void), loads_beyond(void), loads_absent(void), breaks(void),
    calls(void);
__asm__(
    ".text; divides: xor %ecx, %ecx; div %ecx; ret; is_undefined: ud2; loads_beyond: mov $0xfff8, "
    "%eax; mov %eax, %ds; ret;"
    "loads_absent: mov $0x58, %eax; mov %eax, %ds; ret; breaks: int3; ret; calls: int $0x20; ret");

static const struct {
    const char *name;
    void (*code)(void);
    unsigned vector;
    bool is_contributory, is_software;
} firsts[] = {{"DIV", divides, DE, true, false},
              {"UD2", is_undefined, UD, false, false},
              {"MOV beyond the table", loads_beyond, GP, true, false},
              {"MOV of what is absent", loads_absent, NP, true, false},
              {"INT3", breaks, BP, false, true},
              {"INT", calls, 0x20, false, true}};

enum fault { ABSENT_GATE, NO_GATE, NULL_SELECTOR, BEYOND, ABSENT_CODE, DATA, FAULTS };

extern const char handlers[];

/* A gate whose use faults; the result is the fault's vector, and its error code without EXT. */
static unsigned spoil(unsigned vector, enum fault f, unsigned *error)
{
    void (*handler)(void) = (void (*)(void))(handlers + 16 * vector);
    static const uint8_t type[FAULTS] = {GATE & 0x7f, 0x81, GATE, GATE, GATE, GATE};
    static const uint16_t selector[FAULTS] = {OWN_CODE, OWN_CODE, 0, 0xfff8, FREE, DATA0};

    set_gate(vector, handler, selector[f], type[f]);
    *error = f <= NO_GATE ? vector << 3 | IN_IDT : selector[f];
    return f == ABSENT_GATE || f == ABSENT_CODE ? NP : GP;
}

static void attempt(unsigned i, enum fault f)
{
    unsigned error, vector = firsts[i].vector, second = spoil(vector, f, &error);
    bool is_double = firsts[i].is_contributory;

    /* The second fault needs a gate of its own. */
    bool same = second == vector && !is_double;
    context[0] = (struct context){firsts[i].name, f};
    regs = (struct regs){.d = 0};
    int found = same ? -2 : try(firsts[i].code);
    set_gate(vector, (void (*)(void))(handlers + 16 * vector), OWN_CODE, GATE);
    if (same || !equal("vector", (word)found, is_double ? DF : second))
        return;
    equal("error code", frame.error, is_double ? 0 : error | (firsts[i].is_software ? 0 : EXT));
    /* Faults point at the instruction, and so does the fault of an INT n that comes to nothing. */
    word at = (word)firsts[i].code, past = at + 16;
    equal("address", frame.ip >= at && frame.ip < past, true);
}

/* ---- length ---- */

void fifteen(void), sixteen(void), fifteen_with_operand(void), sixteen_with_operand(void);
__asm__(".text; fifteen: .fill 14, 1, 0x66; nop; ret; sixteen: .fill 15, 1, 0x66; nop; ret;"
        "fifteen_with_operand: .fill 10, 1, 0x2e; mov $1, %eax; ret; sixteen_with_operand: .fill "
        "11, 1, 0x2e; mov $1, %eax; ret");

static void lengths(void)
{
    equal("15 bytes", (word)try(fifteen), (word)-1);
    equal("16 bytes", (word)try(sixteen), GP);
    equal("its error code", frame.error, 0);
    equal("15 bytes, with an operand", (word)try(fifteen_with_operand), (word)-1);
    equal("16 bytes, with an operand", (word)try(sixteen_with_operand), GP);
    equal("where it is", frame.ip, (word)sixteen_with_operand);
}

void main(void)
{
    gdt[FREE / 8] =
        descriptor(0, 0xfffff, 0x1b | (LONG ? 0xa000 : 0xc000)); /* code that is not present */
    gdt[FREE / 8 + 1] = descriptor(0, 0xfffff, 0xc013);          /* data that is not */
    for (unsigned i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++)
        for (enum fault f = ABSENT_GATE; f < FAULTS; f++)
            attempt(i, f);
    context[0].name = NULL;
    lengths();
}
