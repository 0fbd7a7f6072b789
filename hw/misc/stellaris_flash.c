/*
 * Flash controller of Stellaris microcontrollers.
 * Ref: LM3S6965 data sheet, chapter 7 (internal memory).  Programming clears bits, erasing a page
 * of 1 KiB sets them; both take no time.
 */
#include "hw/misc/stellaris_flash.h"
#include "core/machine.h"
#include "hw/stellaris.h"

#include <string.h>

enum { FMA = 0x00, FMD = 0x04, FMC = 0x08, FCRIS = 0x0c, FCIM = 0x10, FCMISC = 0x14 };
enum { FMC_WRITE = 1, FMC_ERASE = 2, FMC_MERASE = 4, FMC_COMT = 8, FMC_KEY = 0xa442 };
enum { INT_ACCESS = 1, INT_PROGRAMMED = 2, INT_ALL = 3, PAGE = 1024, BLOCK = 2048 };

struct stellaris_flash {
    struct device dev;
    struct device *sysctl;
    gpa base;
    uint64_t size;
    struct stellaris_flash_state {
        uint32_t fma, fmd, fcris, fcim;
    } s;
};

static struct stellaris_flash *flash(struct device *dev)
{
    return (struct stellaris_flash *)dev;
}

void stellaris_flash_connect(struct device *dev, struct device *system_control, gpa base,
                             uint64_t size)
{
    struct stellaris_flash *f = flash(dev);
    f->sysctl = system_control;
    f->base = base;
    f->size = size;
}

/* Whether [off, off + len) is there and may be changed. */
static bool allowed(const struct stellaris_flash *f, uint64_t off, uint64_t len)
{
    if (off >= f->size || len > f->size - off)
        return false;
    for (uint64_t at = off; at < off + len; at += BLOCK) {
        unsigned block = (unsigned)(at / BLOCK);
        if (f->sysctl &&
            !(stellaris_sysctl_flash_programmable(f->sysctl, block / 32) >> block % 32 & 1))
            return false;
    }
    return true;
}

static bool erase(struct stellaris_flash *f, uint64_t off, uint64_t len)
{
    uint8_t ones[PAGE];
    bool ok = allowed(f, off, len);
    memset(ones, 0xff, sizeof(ones));
    for (uint64_t at = off; ok && at < off + len; at += PAGE)
        ok = mem_poke(&f->dev.machine->as, f->base + at, ones, PAGE);
    return ok;
}

static bool program(struct stellaris_flash *f)
{
    struct address_space *as = &f->dev.machine->as;
    uint64_t off = f->s.fma & ~UINT32_C(3);
    uint8_t word[4];
    if (!allowed(f, off, 4) || !mem_peek(as, f->base + off, word, 4))
        return false;
    for (unsigned i = 0; i < 4; i++)
        word[i] &= (uint8_t)(f->s.fmd >> i * 8);
    return mem_poke(as, f->base + off, word, 4);
}

/* Committing the protection registers: they keep their values as they are. */
static void command(struct stellaris_flash *f, uint32_t val)
{
    bool ok = true;
    if (val >> 16 != FMC_KEY) {
        dev_guest_error(&f->dev, "write %#x to FMC without the key", val);
        return;
    }
    if (val & FMC_MERASE)
        ok = erase(f, 0, f->size);
    else if (val & FMC_ERASE)
        ok = erase(f, f->s.fma & ~(uint32_t)(PAGE - 1), PAGE);
    else if (val & FMC_WRITE)
        ok = program(f);
    else if (!(val & FMC_COMT))
        return;
    f->s.fcris |= ok ? INT_PROGRAMMED : INT_ACCESS;
    if (!ok)
        dev_guest_error(&f->dev, "change of %#x, which is protected or not there", f->s.fma);
}

static uint64_t stellaris_flash_read(struct device *dev, struct access a)
{
    const struct stellaris_flash_state *s = &flash(dev)->s;
    switch (a.off) {
    case FMA: return s->fma;
    case FMD: return s->fmd;
    case FMC: return 0; /* nothing is under way */
    case FCRIS: return s->fcris;
    case FCIM: return s->fcim;
    case FCMISC: return s->fcris & s->fcim;
    default: return 0;
    }
}

static void stellaris_flash_sync(struct device *dev)
{
    irq_set(&dev->irq, flash(dev)->s.fcris & flash(dev)->s.fcim);
}

static void stellaris_flash_write(struct device *dev, struct access a, uint64_t val)
{
    struct stellaris_flash *f = flash(dev);
    switch (a.off) {
    case FMA: f->s.fma = val & 0x3ffff; break;
    case FMD: f->s.fmd = (uint32_t)val; break;
    case FMC: command(f, (uint32_t)val); break;
    case FCIM: f->s.fcim = val & INT_ALL; break;
    case FCMISC: f->s.fcris &= ~(uint32_t)val; break;
    default:
        dev_guest_error(dev, "write %#x to read-only or unknown register %#x", (unsigned)val,
                        (unsigned)a.off);
        break;
    }
    stellaris_flash_sync(dev);
}

static const struct state_field stellaris_flash_state[] = {
    STATE(stellaris_flash, fma, 0),
    STATE(stellaris_flash, fmd, 0),
    STATE(stellaris_flash, fcris, 0),
    STATE(stellaris_flash, fcim, 0),
    STATE_END,
};

DEVICE_CLASS_NAMED(stellaris_flash, "stellaris-flash") = {
    .desc = "Stellaris flash controller",
    .mmio = {stellaris_flash_read, stellaris_flash_write, .min = 4, .max = 4, .size = 0x1000},
    .state = stellaris_flash_state,
    .sync = stellaris_flash_sync,
};
