/* Tables, and telling of differences. */
#include "tests/isa/x86bare/bare.h"

struct frame frame;
struct regs regs;
struct context context[8];
unsigned differences;
uint64_t gdt[GDT_ENTRIES] __attribute__((aligned(16)));
uint64_t idt[VECTORS * 2] __attribute__((aligned(16)));
uint8_t tss[0x68 + 0x2001] __attribute__((aligned(16)));
uint8_t memory[8192] __attribute__((aligned(4096)));

extern const char handlers[], interrupt_stack_top[];
void prepare(void);

static void put(char c)
{
    __asm__ volatile("outb %0, $0xe9" : : "a"(c));
}

void print(const char *text)
{
    while (*text)
        put(*text++);
}

void print_hex(word v)
{
    unsigned shift = 4;

    while (shift < 8 * sizeof(v) && v >> shift)
        shift += 4;
    do {
        shift -= 4;
        put("0123456789abcdef"[v >> shift & 15]);
    } while (shift);
}

void differ(const char *what, word found, word wanted)
{
    enum { ENOUGH = 20 };

    if (differences++ >= ENOUGH)
        return;
    for (unsigned i = 0; i < 8 && context[i].name; i++) {
        print(context[i].name);
        put(' ');
        print_hex(context[i].value);
        print(", ");
    }
    print(what);
    print(": ");
    print_hex(found);
    print(", wanted ");
    print_hex(wanted);
    print("\n");
}

void set_gate(unsigned vector, void (*handler)(void), unsigned selector, unsigned type)
{
    uint64_t at = (word)handler;
    uint64_t low =
        (at & 0xffff) | (uint64_t)selector << 16 | (uint64_t)type << 40 | (at & 0xffff0000) << 32;

    if (sizeof(word) == 4) {
        idt[vector] = low;
        return;
    }
    idt[2 * vector] = low;
    idt[2 * vector + 1] = at >> 32;
}

/* Before the tables are loaded. */
void prepare(void)
{
    bool is_64 = sizeof(word) == 8;
    word top = (word)interrupt_stack_top;

    gdt[CODE0 / 8] = 0x00cf9b000000ffff;
    gdt[DATA0 / 8] = 0x00cf93000000ffff;
    gdt[CODE3 / 8] = 0x00cffb000000ffff;
    gdt[DATA3 / 8] = 0x00cff3000000ffff;
    gdt[TSS / 8] = descriptor((uint32_t)(word)tss, sizeof(tss) - 1, 0x89);
    gdt[CODE64 / 8] = 0x00af9b000000ffff;
    gdt[CODE64_3 / 8] = 0x00affb000000ffff;
    for (unsigned i = 0; i < VECTORS; i++)
        set_gate(i, (void (*)(void))(handlers + 16 * i), is_64 ? CODE64 : CODE0,
                 i == DONE ? 0xee : 0x8e);
    *(word *)(tss + 4) = top;
    if (!is_64)
        *(word *)(tss + 8) = DATA0;
    tss[0x66] = 0x68;
}
