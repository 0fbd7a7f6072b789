/*
 * TCO: watchdog and messages.
 *
 * The first time that the timer runs out it asks for an SMI and starts again; the second time,
 * unless the first was acknowledged, the machine's watchdog action follows.
 *
 * QUIRK: the timer does not run before the first reload, for firmware here does not stop it.
 */
#include "hw/acpi/tco.h"
#include "core/action.h"
#include "core/machine.h"
#include "util/bits.h"

#include <string.h>

enum { RLD = 0x00, DAT_IN = 0x02, DAT_OUT = 0x03, STS1 = 0x04, STS2 = 0x06, CNT1 = 0x08 };
enum { CNT2 = 0x0a, MESSAGES = 0x0c, WDCNT = 0x0e, SW_IRQ = 0x10, TMR = 0x12 };
enum { STS1_SW_SMI = 0x02, STS1_INT = 0x04, STS1_TIMEOUT = 0x08, STS2_SECOND = 0x02 };
enum { CNT1_HALT = 0x08, CNT1_LOCK = 0x10, CNT1_WRITABLE = 0x1a }; /* in its upper byte */
enum { COUNT_MASK = 0x3ff, LEAST_COUNT = 2 };
static const ns_t TICK = 600000000;

static bool is_halted(const struct acpi_tco *t)
{
    return t->s->reg[CNT1 + 1] & CNT1_HALT;
}

bool acpi_tco_is_locked(const struct acpi_tco *t)
{
    return t->s->reg[CNT1 + 1] & CNT1_LOCK;
}

static void start(struct acpi_tco *t)
{
    unsigned count = ld_le16(t->s->reg + TMR) & COUNT_MASK;
    if (is_halted(t) || count < LEAST_COUNT)
        return;
    t->s->deadline = clock_now() + count * TICK;
    timer_set(&t->timer, t->s->deadline);
}

/* How much is left, in ticks. */
static unsigned left(const struct acpi_tco *t)
{
    ns_t now = clock_now();
    return t->s->deadline > now ? (unsigned)((t->s->deadline - now + TICK - 1) / TICK) : 0;
}

static void ran_out(void *opaque)
{
    struct acpi_tco *t = opaque;
    uint8_t *reg = t->s->reg;
    t->s->deadline = 0;
    if (!(reg[STS1] & STS1_TIMEOUT)) {
        reg[STS1] |= STS1_TIMEOUT;
        start(t);
        t->smi(t->dev);
        return;
    }
    reg[STS2] |= STS2_SECOND;
    if (t->no_reboot(t->dev))
        start(t);
    else
        machine_watchdog(t->dev->machine);
}

uint8_t acpi_tco_read(const struct acpi_tco *t, unsigned off)
{
    if (off <= RLD + 1)
        return (uint8_t)(left(t) >> 8 * off);
    return t->s->reg[off % TCO_SIZE];
}

/* Once locked it stays so until a reset.  What is left of a timer that is halted is forgotten. */
static void write_control(struct acpi_tco *t, uint8_t v)
{
    uint8_t *reg = &t->s->reg[CNT1 + 1];
    *reg = (uint8_t)((v & CNT1_WRITABLE) | (*reg & CNT1_LOCK));
    if (is_halted(t)) {
        t->s->deadline = 0;
        timer_cancel(&t->timer);
    } else if (t->s->deadline == 0) {
        start(t);
    }
}

void acpi_tco_write(struct acpi_tco *t, unsigned off, uint8_t v)
{
    uint8_t *reg = t->s->reg;
    switch (off) {
    case RLD:
    case RLD + 1: start(t); break;
    case DAT_IN:
        reg[off] = v;
        reg[STS1] |= STS1_SW_SMI;
        t->smi(t->dev);
        break;
    case DAT_OUT:
        reg[off] = v;
        reg[STS1] |= STS1_INT;
        break;
    case STS1:
    case STS1 + 1:
    case STS2:
    case STS2 + 1: reg[off] &= (uint8_t)~v; break;
    case CNT1 + 1: write_control(t, v); break;
    case CNT2:
    case MESSAGES:
    case MESSAGES + 1:
    case WDCNT:
    case TMR: reg[off] = v; break;
    case SW_IRQ: reg[off] = v & 3; break;
    case TMR + 1: reg[off] = v & COUNT_MASK >> 8; break;
    default: break;
    }
}

void acpi_tco_reset(struct acpi_tco *t)
{
    uint8_t second = t->s->reg[STS2] & STS2_SECOND;
    memset(t->s, 0, sizeof(*t->s));
    t->s->reg[STS2] = second;
    t->s->reg[CNT2] = 8;
    t->s->reg[SW_IRQ] = 3;
    t->s->reg[TMR] = 4;
}

void acpi_tco_sync(struct acpi_tco *t)
{
    ns_t most = clock_now() + COUNT_MASK * TICK; /* a saved state may say anything */
    t->s->deadline = t->s->deadline > most ? most : t->s->deadline < 0 ? 0 : t->s->deadline;
    if (t->s->deadline)
        timer_set(&t->timer, t->s->deadline);
    else
        timer_cancel(&t->timer);
}

void acpi_tco_init(struct acpi_tco *t, struct device *dev, struct acpi_tco_state *s)
{
    t->dev = dev;
    t->s = s;
    timer_init(&t->timer, &dev->lock, ran_out, t);
}

void acpi_tco_fini(struct acpi_tco *t)
{
    timer_cancel(&t->timer);
}
