/*
 * Data breakpoints: every register, length, kind and way to enable, against accesses of every size
 * around them.
 *
 * Ref: SDM vol. 3, 17.2.4 (DR7), 17.2.5 (lengths), 17.3.1.2 (#DB is a trap); table 17-1.
 */
#include "tests/isa/x86bare/bare.h"

enum { EXECUTE, WRITE, IO, ACCESS };
enum { DR6_HITS = 15, DR6_RESET = 0xffff0ff0, DR7_FIXED = 0x400, FIRST = 64, SPAN = 12 };

void rd1(void), rd2(void), rd4(void), rd8(void), wr1(void), wr2(void), wr4(void), wr8(void),
    rmw4(void), past(void);
#ifdef __x86_64__
__asm__(".text; rd8: mov (%rsi), %rax; ret; wr8: mov %rax, (%rsi); ret");
#else
__asm__(".text; rd8: fildll (%esi); fstp %st(0); ret; wr8: fldz; fistpll (%esi); ret");
#endif
__asm__(".text; rd1: mov (%esi), %al; ret; rd2: mov (%esi), %ax; ret; rd4: mov (%esi), %eax; ret;"
        "wr1: mov %al, (%esi); ret; wr2: mov %ax, (%esi); ret; wr4: mov %eax, (%esi); ret; rmw4: "
        "addl $1, (%esi); ret");

static const struct {
    void (*code)(void);
    uint8_t size;
    bool writes, reads;
} accesses[] = {{rd1, 1, false, true}, {rd2, 2, false, true}, {rd4, 4, false, true},
                {rd8, 8, false, true}, {wr1, 1, true, false}, {wr2, 2, true, false},
                {wr4, 4, true, false}, {wr8, 8, true, false}, {rmw4, 4, true, true}};

static word read_dr6(void)
{
    word v;
    __asm__ volatile("mov %%dr6, %0" : "=r"(v));
    return v;
}

static void set(unsigned n, word at, word dr7)
{
    switch (n) {
    case 0: __asm__ volatile("mov %0, %%dr0" : : "r"(at)); break;
    case 1: __asm__ volatile("mov %0, %%dr1" : : "r"(at)); break;
    case 2: __asm__ volatile("mov %0, %%dr2" : : "r"(at)); break;
    default: __asm__ volatile("mov %0, %%dr3" : : "r"(at));
    }
    __asm__ volatile("mov %0, %%dr6; mov %1, %%dr7" : : "r"((word)DR6_RESET), "r"(dr7));
}

static void attempt(unsigned n, unsigned log_length, unsigned kind, unsigned enable,
                    unsigned offset, unsigned which)
{
    static const uint8_t length_field[] = {0, 1, 3, 2};
    word at = (word)memory + FIRST, first = at & ~(((word)1 << log_length) - 1),
         from = (word)memory + offset;
    bool overlap = from < first + ((word)1 << log_length) && first < from + accesses[which].size;
    bool hit =
        enable && overlap && (accesses[which].writes || (kind == ACCESS && accesses[which].reads));

    context[0] = (struct context){"register", n};
    context[1] = (struct context){"log2 of length", log_length};
    context[2] = (struct context){"kind", kind};
    context[3] = (struct context){"enable", enable};
    context[4] = (struct context){"access", which};
    context[5] = (struct context){"offset", offset - FIRST};
    set(n, at,
        (word)(DR7_FIXED | enable << 2 * n | kind << (16 + 4 * n) |
               (unsigned)length_field[log_length] << (18 + 4 * n)));
    regs = (struct regs){.si = from};
    int vector = try(accesses[which].code);
    word dr6 = read_dr6();
    set(n, 0, DR7_FIXED);
    if (!equal("vector", (word)vector, hit ? DB : (word)-1) || !hit)
        return;
    equal("DR6", dr6, (word)(DR6_RESET | 1 << n));
    if (accesses[which].size < 8) /* one instruction and RET */
        equal("the trap comes after the instruction", *(const uint8_t *)frame.ip, 0xc3);
}

void main(void)
{
    unsigned lengths = sizeof(word) == 8 ? 4 : 3, attempts = 0;

    for (unsigned k = 0; k < 4 * lengths * 2; k++)
        for (unsigned which = 0; which < sizeof(accesses) / sizeof(accesses[0]); which++)
            for (unsigned offset = FIRST - SPAN; offset <= FIRST + SPAN; offset++, attempts++)
                attempt(k & 3, (k >> 2) % lengths, k / 4 / lengths ? ACCESS : WRITE, (attempts & 3),
                        offset, which);
    context[0].name = NULL;
    equal("attempts", attempts, 4 * lengths * 2 * 9 * 25);
}
