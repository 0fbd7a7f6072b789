/*
 * SysTick, the timer of M-profile processors.  Ref: Armv7-M Architecture Reference Manual
 * (DDI 0403), B3.3.
 *
 * It counts ticks of one of two clocks since the machine started; a value is computed when it is
 * asked for.  Every reload + 1 ticks it reaches 0.
 */
#include "hw/intc/armv7m_priv.h"

#include <glib.h>

enum { SYST_CSR = 0x10, SYST_RVR = 0x14, SYST_CVR = 0x18, SYST_CALIB = 0x1c };
enum { CSR_ENABLE = 1, CSR_TICKINT = 2, CSR_CLKSOURCE = 4, CSR_COUNTFLAG = 1 << 16 };
enum { VALUE_MASK = 0xffffff, TICKS_IN_10MS = 100 };
static const uint32_t CALIB_NOREF = UINT32_C(1) << 31, CALIB_SKEW = UINT32_C(1) << 30;
static const uint64_t NS_PER_S = 1000000000;

/* The processor's clock, or the reference if there is one and it is chosen. */
static uint64_t frequency(const struct armv7m *n)
{
    return (n->s.tick_csr & CSR_CLKSOURCE) || n->reference_hz == 0 ? n->cpu_hz : n->reference_hz;
}

static uint64_t ticks_now(const struct armv7m *n)
{
    return (uint64_t)((unsigned __int128)(uint64_t)clock_now() * frequency(n) / NS_PER_S);
}

/* The first moment at which ticks_now() is at least `ticks`. */
static ns_t time_of(const struct armv7m *n, uint64_t ticks)
{
    unsigned __int128 ns = ((unsigned __int128)ticks * NS_PER_S + frequency(n) - 1) / frequency(n);
    return ns > INT64_MAX ? INT64_MAX : (ns_t)ns;
}

static bool runs(const struct armv7m *n)
{
    return n->s.tick_csr & CSR_ENABLE;
}

/* With a reload value of 0 it stays at 0 once it is there. */
static bool reaches_zero(const struct armv7m *n)
{
    return runs(n) && n->s.tick_zero != UINT64_MAX;
}

/* It reached 0, maybe several times. */
static void pass_zero(struct armv7m *n, uint64_t now)
{
    uint64_t period = (uint64_t)n->s.tick_reload + 1;
    n->s.tick_csr |= CSR_COUNTFLAG;
    if (n->s.tick_csr & CSR_TICKINT)
        armv7m_pend(n, NVIC_SYSTICK, true);
    if (n->s.tick_reload == 0)
        n->s.tick_zero = UINT64_MAX;
    else
        n->s.tick_zero += ((now - n->s.tick_zero) / period + 1) * period;
}

static void catch_up(struct armv7m *n)
{
    uint64_t now = ticks_now(n);
    if (reaches_zero(n) && now >= n->s.tick_zero)
        pass_zero(n, now);
}

void armv7m_tick_sync(struct armv7m *n)
{
    catch_up(n);
    if (reaches_zero(n))
        timer_set(&n->systick, time_of(n, n->s.tick_zero));
    else
        timer_cancel(&n->systick);
}

static void fired(void *opaque)
{
    armv7m_tick_sync(opaque);
}

void armv7m_tick_init(struct armv7m *n)
{
    if (n->cpu_hz == 0)
        n->cpu_hz = 12000000;
    timer_init(&n->systick, &n->dev.lock, fired, n);
}

/* Right after it reached 0 it still shows 0, for one tick. */
static uint32_t current(const struct armv7m *n)
{
    if (!runs(n))
        return n->s.tick_current;
    if (!reaches_zero(n))
        return 0;
    uint64_t left = n->s.tick_zero - ticks_now(n);
    return left > n->s.tick_reload && n->s.tick_current == 0 ? 0 : (uint32_t)left & VALUE_MASK;
}

/* Begin to count down from value; 0 means: reload at the next tick. */
static void start(struct armv7m *n, uint64_t value)
{
    n->s.tick_current = 0;
    if (value == 0 && n->s.tick_reload == 0)
        n->s.tick_zero = UINT64_MAX;
    else
        n->s.tick_zero = ticks_now(n) + (value ? value : (uint64_t)n->s.tick_reload + 1);
}

static void write_csr(struct armv7m *n, uint32_t val)
{
    uint32_t kept = CSR_ENABLE | CSR_TICKINT | CSR_CLKSOURCE;
    uint32_t value = current(n);
    if (n->reference_hz == 0)
        val |= CSR_CLKSOURCE;
    uint32_t changed = (n->s.tick_csr ^ val) & kept;
    n->s.tick_csr = (n->s.tick_csr & ~kept) | (val & kept);
    if (!(changed & (CSR_ENABLE | CSR_CLKSOURCE)))
        return;
    if (runs(n))
        start(n, value);
    else
        n->s.tick_current = value;
}

uint32_t armv7m_tick_read(struct armv7m *n, uint32_t off, bool peek)
{
    uint32_t val;
    if (!peek)
        armv7m_tick_sync(n);
    switch (off) {
    case SYST_CSR:
        val = n->s.tick_csr | (n->reference_hz ? 0 : CSR_CLKSOURCE);
        if (!peek)
            n->s.tick_csr &= ~(uint32_t)CSR_COUNTFLAG;
        return val;
    case SYST_RVR: return n->s.tick_reload;
    case SYST_CVR: return current(n);
    default:
        if (n->reference_hz == 0)
            return CALIB_NOREF | CALIB_SKEW;
        val = (uint32_t)(n->reference_hz / TICKS_IN_10MS);
        return val ? (val - 1) & VALUE_MASK : 0;
    }
}

void armv7m_tick_write(struct armv7m *n, uint32_t off, uint32_t val)
{
    catch_up(n);
    if (off == SYST_CSR) {
        write_csr(n, val);
    } else if (off == SYST_RVR) {
        n->s.tick_reload = val & VALUE_MASK;
        if (runs(n) && n->s.tick_zero == UINT64_MAX)
            start(n, 0);
    } else if (off == SYST_CVR) { /* any write clears it */
        n->s.tick_csr &= ~(uint32_t)CSR_COUNTFLAG;
        n->s.tick_current = 0;
        if (runs(n))
            start(n, 0);
    }
    armv7m_tick_sync(n);
}

void armv7m_set_clock(struct device *dev, uint64_t cpu_hz, uint64_t reference_hz)
{
    struct armv7m *n = armv7m(dev);
    mutex_lock(&dev->lock);
    uint32_t value = dev->realized ? current(n) : 0;
    n->cpu_hz = cpu_hz ? cpu_hz : 1;
    n->reference_hz = reference_hz;
    if (dev->realized && runs(n)) {
        start(n, value);
        armv7m_tick_sync(n);
    }
    mutex_unlock(&dev->lock);
}

void armv7m_tick_loaded(struct armv7m *n)
{
    n->s.tick_reload &= VALUE_MASK;
    n->s.tick_current &= VALUE_MASK;
    n->s.tick_csr &= CSR_ENABLE | CSR_TICKINT | CSR_CLKSOURCE | CSR_COUNTFLAG;
    if (reaches_zero(n) && n->s.tick_zero > ticks_now(n) + n->s.tick_reload + 1)
        n->s.tick_zero = ticks_now(n) + n->s.tick_reload + 1;
}
