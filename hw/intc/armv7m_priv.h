/*
 * The parts of an M-profile interrupt controller: exceptions (armv7m_nvic.c), registers
 * (armv7m_scs.c) and the timer (armv7m_systick.c).  The device's lock guards everything; it is a
 * leaf.
 */
#ifndef HW_INTC_ARMV7M_PRIV_H
#define HW_INTC_ARMV7M_PRIV_H

#include "core/clock.h"
#include "hw/intc/armv7m.h"

enum { ARMV7M_WORDS = NVIC_EXCEPTIONS / 32, ARMV7M_MAX_IRQS = 480 };
enum { ARMV7M_LOWEST = 256 }; /* below every priority: nothing executes but threads */
enum { SHCSR_MEMFAULTENA = 1 << 16, SHCSR_BUSFAULTENA = 1 << 17, SHCSR_USGFAULTENA = 1 << 18 };

struct armv7m {
    struct device dev;
    uint32_t nirqs, init_vtor;
    const struct nvic_cpu_ops *cpu_ops;
    void *cpu;
    struct nvic_ids ids;
    uint64_t cpu_hz, reference_hz;
    struct timer systick;
    struct armv7m_state {
        uint32_t enabled[ARMV7M_WORDS], pending[ARMV7M_WORDS], active[ARMV7M_WORDS];
        uint32_t level[ARMV7M_WORDS]; /* inputs */
        uint8_t priority[NVIC_EXCEPTIONS];
        uint32_t reg[NVIC_REGS];
        uint32_t prigroup, shcsr_enables, actlr, afsr, csselr;
        struct nvic_mpu mpu;
        uint32_t tick_csr, tick_reload;
        uint32_t tick_current; /* its value while it stands still */
        uint64_t tick_zero;    /* ticks of its clock at which it next reaches 0, while it runs */
    } s;
};

static inline struct armv7m *armv7m(struct device *dev)
{
    return (struct armv7m *)dev;
}
static inline bool armv7m_bit(const uint32_t *words, unsigned n)
{
    return words[n / 32] >> n % 32 & 1;
}
static inline void armv7m_set_bit(uint32_t *words, unsigned n, bool on)
{
    uint32_t bit = UINT32_C(1) << n % 32;
    words[n / 32] = on ? words[n / 32] | bit : words[n / 32] & ~bit;
}

/* All with the device's lock held.  armv7m_nvic.c */
unsigned armv7m_exceptions(const struct armv7m *n); /* numbers below this exist */
/* Drive the line, after anything. */
void armv7m_update(struct armv7m *n);
void armv7m_pend(struct armv7m *n, unsigned exception, bool on);
unsigned armv7m_highest_pending(const struct armv7m *n);
unsigned armv7m_current(const struct armv7m *n); /* active, of the highest priority; 0: none */
unsigned armv7m_active_count(const struct armv7m *n);
bool armv7m_is_enabled(const struct armv7m *n, unsigned exception);
uint8_t armv7m_priority_mask(const struct armv7m *n);

/* armv7m_scs.c */
uint64_t armv7m_scs_read(struct device *dev, struct access a);
void armv7m_scs_write(struct device *dev, struct access a, uint64_t val);
void armv7m_scs_reset(struct armv7m *n);
void armv7m_scs_loaded(struct armv7m *n);

/* armv7m_systick.c */
void armv7m_tick_init(struct armv7m *n);
uint32_t armv7m_tick_read(struct armv7m *n, uint32_t off, bool peek);
void armv7m_tick_write(struct armv7m *n, uint32_t off, uint32_t val);
/* Catch up with the time, and set the timer for what comes. */
void armv7m_tick_sync(struct armv7m *n);
void armv7m_tick_loaded(struct armv7m *n);

#endif
