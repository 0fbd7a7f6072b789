/* Inside the local APIC and its bus. */
#ifndef HW_INTC_LAPIC_PRIV_H
#define HW_INTC_LAPIC_PRIV_H

#include "core/clock.h"
#include "core/machine.h"
#include "hw/intc/apic.h"

enum { /* registers: offset / 16, and MSR less 0x800 */
       LAPIC_ID = 0x02,
       LAPIC_VERSION = 0x03,
       LAPIC_TPR = 0x08,
       LAPIC_APR = 0x09,
       LAPIC_PPR = 0x0a,
       LAPIC_EOI = 0x0b,
       LAPIC_RRD = 0x0c,
       LAPIC_LDR = 0x0d,
       LAPIC_DFR = 0x0e,
       LAPIC_SVR = 0x0f,
       LAPIC_ISR = 0x10,
       LAPIC_TMR = 0x18,
       LAPIC_IRR = 0x20,
       LAPIC_ESR = 0x28,
       LAPIC_ICR = 0x30,
       LAPIC_ICR_HIGH = 0x31,
       LAPIC_LVT = 0x32, /* to 0x37 */
       LAPIC_INITIAL = 0x38,
       LAPIC_CURRENT = 0x39,
       LAPIC_DIVIDE = 0x3e,
       LAPIC_SELF_IPI = 0x3f
};
enum { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVTS };
enum {
    LVT_MASKED = 1 << 16,
    LVT_LEVEL = 1 << 15,
    LVT_REMOTE_IRR = 1 << 14,
    LVT_LOW = 1 << 13,
};
enum { SVR_ENABLE = 1 << 8, SVR_NO_BROADCAST = 1 << 12 };
enum { ESR_SEND_VECTOR = 1 << 5, ESR_RECEIVE_VECTOR = 1 << 6, ESR_REGISTER = 1 << 7 };

struct apic_bus;

/*
 * Its owner is the vCPU's thread; others reach in by messages and pins only, which set bits of
 * irr, tmr, esr_pending, lint and extint atomically (the owner's side of each pair is in lapic.c)
 * and read what the owner stores to route them.  dev.lock guards the timer against the main loop.
 */
struct lapic {
    struct device dev;
    struct apic_bus *bus;
    struct cpu *cpu;
    const struct apic_cpu_ops *ops;
    int (*pic_accept)(void *opaque);
    void *pic;
    struct timer timer;
    uint32_t apic_id;
    bool x2apic, tsc_deadline;
    struct lapic_state {
        uint64_t base; /* IA32_APIC_BASE */
        uint64_t icr;
        uint64_t deadline; /* IA32_TSC_DEADLINE */
        int64_t start;     /* virtual time when the timer was loaded */
        int64_t next;      /* and when it next expires; -1: not at all */
        uint32_t id;       /* as xAPIC software sees and sets it, not shifted */
        uint32_t tpr, ldr, dfr, svr, esr, esr_pending;
        uint32_t lvt[LVTS];
        uint32_t initial, divide;
        uint32_t isr[8], tmr[8], irr[8];
        uint32_t lint;   /* levels of the pins */
        uint32_t extint; /* a message of that kind waits */
        uint32_t pad;
    } s;
};

/* Relaxed: each is one word that stands for itself. */
static inline uint32_t lapic_load(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}
static inline bool lapic_enabled(const struct lapic *l)
{
    return __atomic_load_n(&l->s.base, __ATOMIC_RELAXED) & APIC_BASE_ENABLE;
}
static inline bool lapic_is_x2(const struct lapic *l)
{
    return __atomic_load_n(&l->s.base, __ATOMIC_RELAXED) & APIC_BASE_X2APIC;
}

/* lapic.c.  Carry out a message that has come to this one; any thread. */
void lapic_receive(struct lapic *l, const struct apic_message *m);
void lapic_error(struct lapic *l, uint32_t bits);
void lapic_eoi(struct lapic *l);
uint32_t lapic_ppr(const struct lapic *l);

/* lapic_timer.c, under dev.lock. */
void lapic_timer_init(struct lapic *l);
/* Do what is due; before anything that the timer depends on is changed. */
void lapic_timer_settle(struct lapic *l);
void lapic_timer_arm(struct lapic *l);
void lapic_timer_load(struct lapic *l, uint32_t initial);
uint32_t lapic_timer_current(const struct lapic *l);
void lapic_timer_divide(struct lapic *l, uint32_t v);
void lapic_timer_lvt(struct lapic *l, uint32_t v);
void lapic_timer_deadline(struct lapic *l, uint64_t tsc);
bool lapic_timer_is_deadline(const struct lapic *l);

/* lapic_regs.c: on the owner's thread.  False: there is no such register. */
bool lapic_read(struct lapic *l, unsigned reg, uint32_t *v);
bool lapic_write(struct lapic *l, unsigned reg, uint32_t v);
bool lapic_msr_read(void *opaque, uint32_t msr, uint64_t *v);
bool lapic_msr_write(void *opaque, uint32_t msr, uint64_t v);

/* apic_bus.c */
void apic_bus_add(struct apic_bus *bus, struct lapic *l);
void apic_bus_ipi(struct apic_bus *bus, struct lapic *from, uint64_t icr);
void apic_bus_eoi(struct apic_bus *bus, uint8_t vector);
void apic_bus_move(struct apic_bus *bus, gpa base);

#endif
