/*
 * Floppy disk controller of a PC.
 * Ref: Intel 82078 44-pin data sheet (290475): 2 (registers), 5 (commands), 6 (results).
 *
 * Seeks take no time; sectors have 512 bytes.
 */
#include "hw/block/fdc.h"
#include "hw/block/fdc_priv.h"
#include "hw/boot_order.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { SRA, SRB, DOR, TDR, MSR_DSR, FIFO, REGS, DIR_CCR = 7 };
enum { DOR_SELECT = 0x03, DOR_RUN = 0x04, DOR_GATE = 0x08, DSR_RESET = 0x80, DSR_MASK = 0x7f };
enum { MSR_READY = 0x80, MSR_TO_HOST = 0x40, MSR_NO_DMA = 0x20, MSR_BUSY = 0x10 };
enum { DIR_CHANGED = 0x80, CCR_RESET = 2, VERSION = 0x90, PART_ID = 0x41 };
enum { ST3_PROTECTED = 0x40, ST3_READY = 0x20, ST3_TRACK_0 = 0x10, ST3_TWO_SIDED = 0x08 };
enum { LOCKED = 0x80 };

static void fdc_sync(struct device *dev)
{
    struct fdc *f = (struct fdc *)dev;
    bool pio = f->s.phase == FDC_EXECUTION && f->s.ready && !fdc_uses_dma(f);
    irq_set(&dev->irq, (f->s.irq || pio) && (f->s.dor & DOR_GATE));
}

void fdc_raise(struct fdc *f, uint8_t st0)
{
    f->s.irq = 1;
    f->s.st0 = st0;
    fdc_sync(&f->dev);
}

static void to_command_phase(struct fdc *f)
{
    f->s.phase = FDC_COMMAND;
    f->s.at = f->s.nbytes = 0;
}

static void result(struct fdc *f, const uint8_t *bytes, unsigned n)
{
    memcpy(f->s.bytes, bytes, n);
    f->s.nbytes = (uint8_t)n;
    f->s.at = 0;
    f->s.phase = FDC_RESULT;
}

void fdc_finish(struct fdc *f, uint8_t st0, uint8_t st1, uint8_t st2)
{
    const struct fdc_state *s = &f->s;
    uint8_t head = s->bytes[1] & 7;
    const uint8_t bytes[7] = {st0 | head, st1, st2, s->c, s->h, s->r, s->n};
    result(f, bytes, sizeof(bytes));
    fdc_raise(f, st0 | head);
}

static void one_result(struct fdc *f, uint8_t v)
{
    result(f, &v, 1);
}

/* --- commands --- */

static void head_moved(struct fdc *f, unsigned n)
{
    struct floppy *fl = fdc_drive(f, n);
    if (fl && fl->drive)
        fl->s.changed = 0;
}

static void seek_to(struct fdc *f, unsigned n, int track)
{
    f->s.track[n] = (uint8_t)CLAMP(track, 0, 255);
    head_moved(f, n);
    to_command_phase(f);
    fdc_raise(f, (uint8_t)(ST0_SEEK_END | (f->s.bytes[1] & 7)));
}

static void seek(struct fdc *f)
{
    seek_to(f, f->s.bytes[1] & 3, f->s.bytes[2]);
}

static void relative_seek(struct fdc *f)
{
    unsigned n = f->s.bytes[1] & 3;
    int by = f->s.bytes[2];
    seek_to(f, n, f->s.track[n] + (f->s.bytes[0] & 0x40 ? by : -by));
}

/* A drive that is not there never finds its track 0. */
static void recalibrate(struct fdc *f)
{
    unsigned n = f->s.bytes[1] & 3;
    if (fdc_drive(f, n)) {
        f->s.bytes[1] = (uint8_t)n;
        seek_to(f, n, 0);
        return;
    }
    to_command_phase(f);
    fdc_raise(f, (uint8_t)(ST0_SEEK_END | ST0_ABNORMAL | ST0_CHECK | n));
}

/* After a reset each drive has one. */
static void sense_interrupt(struct fdc *f)
{
    struct fdc_state *s = &f->s;
    if (s->reset_sense > 0) {
        unsigned n = (unsigned)(FDC_DRIVES - s->reset_sense--);
        const uint8_t bytes[] = {(uint8_t)(ST0_READY_CHANGED | n), s->track[n]};
        result(f, bytes, sizeof(bytes));
    } else if (!s->irq) {
        one_result(f, ST0_INVALID);
        return;
    } else {
        const uint8_t bytes[] = {s->st0, s->track[s->st0 & 3]};
        result(f, bytes, sizeof(bytes));
    }
    s->irq = 0;
}

static void sense_drive(struct fdc *f)
{
    unsigned n = f->s.bytes[1] & 3;
    const struct floppy *fl = fdc_drive(f, n);
    uint8_t st3 = (f->s.bytes[1] & 7) | ST3_READY | ST3_TWO_SIDED;
    if (fl && f->s.track[n] == 0)
        st3 |= ST3_TRACK_0;
    if (fl && fl->drive && block_read_only(fl->drive))
        st3 |= ST3_PROTECTED;
    one_result(f, st3);
}

static void specify(struct fdc *f)
{
    memcpy(f->s.specify, f->s.bytes + 1, 2);
    to_command_phase(f);
}

static void configure(struct fdc *f)
{
    f->s.config = f->s.bytes[2];
    f->s.precomp = f->s.bytes[3];
    to_command_phase(f);
}

static void lock(struct fdc *f)
{
    f->s.lock = f->s.bytes[0] & LOCKED;
    one_result(f, f->s.lock ? 0x10 : 0);
}

static void perpendicular(struct fdc *f)
{
    f->s.perpendicular = f->s.bytes[1] & 0x7f;
    to_command_phase(f);
}

static void dump_registers(struct fdc *f)
{
    const struct fdc_state *s = &f->s;
    const uint8_t bytes[10] = {
        s->track[0],   s->track[1],   s->track[2], s->track[3],
        s->specify[0], s->specify[1], s->eot,      (uint8_t)(s->lock | (s->perpendicular & 0x7f)),
        s->config,     s->precomp};
    result(f, bytes, sizeof(bytes));
}

static void version(struct fdc *f)
{
    one_result(f, VERSION);
}

static void part_id(struct fdc *f)
{
    one_result(f, PART_ID);
}

/* The state of a driver that shares the controller with another. */
static void save(struct fdc *f)
{
    const struct fdc_state *s = &f->s;
    const uint8_t bytes[15] = {0,
                               0,
                               s->track[0],
                               s->track[1],
                               s->track[2],
                               s->track[3],
                               s->specify[0],
                               s->specify[1],
                               s->eot,
                               (uint8_t)(s->lock | s->perpendicular),
                               s->config,
                               s->precomp,
                               s->dsr};
    result(f, bytes, sizeof(bytes));
}

static void restore(struct fdc *f)
{
    struct fdc_state *s = &f->s;
    memcpy(s->track, s->bytes + 4, FDC_DRIVES);
    memcpy(s->specify, s->bytes + 8, 2);
    s->eot = s->bytes[10];
    s->lock = s->bytes[11] & LOCKED;
    s->perpendicular = s->bytes[11] & 0x7f;
    s->config = s->bytes[12];
    s->precomp = s->bytes[13];
    to_command_phase(f);
}

static void accept(struct fdc *f)
{
    to_command_phase(f);
}

/* The first sector that comes by under the head. */
static void read_id(struct fdc *f)
{
    struct fdc_state *s = &f->s;
    unsigned n = s->bytes[1] & 3;
    const struct floppy *fl = fdc_drive(f, n);
    const struct floppy_format *fmt = fl ? floppy_format_of(fl) : NULL;
    unsigned rate = s->ccr & 3;
    s->c = s->track[n];
    s->h = s->bytes[1] >> 2 & 1;
    s->r = 1;
    s->n = FDC_SIZE_CODE;
    bool found = fmt && (rate == fmt->rate || (rate == 1 && fmt->rate == 2)) && s->h < fmt->heads &&
                 s->c < fmt->tracks;
    fdc_finish(f, found ? 0 : ST0_ABNORMAL, found ? 0 : ST1_NO_MARK, 0);
}

static void read_data(struct fdc *f)
{
    fdc_transfer(f, FDC_READ);
}

/* A track is read from its first sector on. */
static void read_track(struct fdc *f)
{
    f->s.bytes[4] = 1;
    fdc_transfer(f, FDC_READ);
}

static void write_data(struct fdc *f)
{
    fdc_transfer(f, FDC_WRITE);
}

static void verify(struct fdc *f)
{
    fdc_transfer(f, FDC_VERIFY);
}

static void scan_equal(struct fdc *f)
{
    fdc_transfer(f, FDC_SCAN_EQUAL);
}

static void scan_low(struct fdc *f)
{
    fdc_transfer(f, FDC_SCAN_LOW);
}

static void scan_high(struct fdc *f)
{
    fdc_transfer(f, FDC_SCAN_HIGH);
}

/* Of the first byte, `mask` tells the command; `bytes` is its length.  Table 5-1. */
static const struct fdc_command {
    uint8_t mask, value, bytes;
    void (*run)(struct fdc *f);
} commands[] = {
    {0x1f, 0x06, 9, read_data},
    {0x1f, 0x0c, 9, read_data}, /* deleted data: there is none */
    {0x3f, 0x05, 9, write_data},
    {0x3f, 0x09, 9, write_data},
    {0x9f, 0x02, 9, read_track},
    {0x1f, 0x16, 9, verify},
    {0x1f, 0x11, 9, scan_equal},
    {0x1f, 0x19, 9, scan_low},
    {0x1f, 0x1d, 9, scan_high},
    {0xbf, 0x0a, 2, read_id},
    {0xbf, 0x0d, 6, fdc_format},
    {0xff, 0x03, 3, specify},
    {0xff, 0x04, 2, sense_drive},
    {0xff, 0x07, 2, recalibrate},
    {0xff, 0x08, 1, sense_interrupt},
    {0xff, 0x0f, 3, seek},
    {0xbf, 0x8f, 3, relative_seek},
    {0xff, 0x10, 1, version},
    {0xff, 0x12, 2, perpendicular},
    {0xff, 0x13, 4, configure},
    {0x7f, 0x14, 1, lock},
    {0xff, 0x18, 1, part_id},
    {0xff, 0x0e, 1, dump_registers},
    {0xff, 0x2e, 1, save},
    {0xff, 0x4e, 16, restore},
    {0xff, 0x33, 2, accept},
    {0xff, 0x17, 2, accept},
    {0xff, 0x8e, 6, accept},
};

static const struct fdc_command *find_command(uint8_t v)
{
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
        if ((v & commands[i].mask) == commands[i].value)
            return &commands[i];
    return NULL;
}

/* --- registers --- */

/* FIFO and CONFIGURE survive a reset that software makes while they are locked. */
static void controller_reset(struct fdc *f, bool by_software)
{
    struct fdc_state *s = &f->s;
    fdc_cancel(f);
    to_command_phase(f);
    s->irq = 0;
    memset(s->track, 0, sizeof(s->track));
    s->perpendicular = 0;
    if (!by_software || !s->lock) {
        s->config = 0;
        s->precomp = 0;
    }
    s->reset_sense = 0;
}

static void leave_reset(struct fdc *f)
{
    f->s.reset_sense = FDC_DRIVES;
    fdc_raise(f, ST0_READY_CHANGED);
}

static void write_dor(struct fdc *f, uint8_t v)
{
    bool ran = f->s.dor & DOR_RUN;
    f->s.dor = v;
    if (ran && !(v & DOR_RUN))
        controller_reset(f, true);
    else if (!ran && (v & DOR_RUN))
        leave_reset(f);
}

static void write_dsr(struct fdc *f, uint8_t v)
{
    f->s.dsr = v & DSR_MASK;
    f->s.ccr = v & 3;
    if (!(v & DSR_RESET) || !(f->s.dor & DOR_RUN))
        return;
    controller_reset(f, true);
    leave_reset(f);
}

static uint8_t read_msr(const struct fdc *f)
{
    const struct fdc_state *s = &f->s;
    if (!(s->dor & DOR_RUN))
        return 0;
    if (s->phase == FDC_COMMAND)
        return MSR_READY | (s->at ? MSR_BUSY : 0);
    if (s->phase == FDC_RESULT)
        return MSR_READY | MSR_TO_HOST | MSR_BUSY;
    if (fdc_uses_dma(f))
        return MSR_BUSY;
    return MSR_BUSY | MSR_NO_DMA | (s->ready ? MSR_READY : 0) |
           (fdc_is_to_host(f) ? MSR_TO_HOST : 0);
}

static uint8_t read_fifo(struct fdc *f, bool peek)
{
    struct fdc_state *s = &f->s;
    if (s->phase == FDC_EXECUTION && fdc_is_to_host(f) && !fdc_uses_dma(f))
        return peek ? s->buffer[s->pos % FDC_SECTOR] : fdc_pop(f);
    if (s->phase != FDC_RESULT)
        return 0xff;
    uint8_t v = s->bytes[s->at % FDC_MAX_BYTES];
    if (peek)
        return v;
    s->irq = 0;
    if (++s->at >= s->nbytes)
        to_command_phase(f);
    return v;
}

static void write_fifo(struct fdc *f, uint8_t v)
{
    struct fdc_state *s = &f->s;
    if (s->phase == FDC_EXECUTION && !fdc_is_to_host(f) && !fdc_uses_dma(f))
        fdc_push(f, v);
    if (s->phase != FDC_COMMAND || !(s->dor & DOR_RUN))
        return;
    const struct fdc_command *c = find_command(s->at ? s->bytes[0] : v);
    if (c == NULL) {
        dev_guest_error(&f->dev, "unknown command %#x", v);
        one_result(f, ST0_INVALID);
        return;
    }
    s->bytes[s->at++] = v;
    if (s->at == c->bytes)
        c->run(f);
}

static uint64_t fdc_read(struct device *dev, struct access a)
{
    struct fdc *f = (struct fdc *)dev;
    uint8_t v = 0xff; /* SRA and SRB are of other models */
    switch (a.off) {
    case DOR: v = f->s.dor; break;
    case TDR: v = f->s.tdr; break;
    case MSR_DSR: v = read_msr(f); break;
    case FIFO: v = read_fifo(f, a.peek); break;
    default: break;
    }
    if (!a.peek)
        fdc_sync(dev);
    return v;
}

static void fdc_write(struct device *dev, struct access a, uint64_t val)
{
    struct fdc *f = (struct fdc *)dev;
    uint8_t v = (uint8_t)val;
    switch (a.off) {
    case DOR: write_dor(f, v); break;
    case TDR: f->s.tdr = v & 3; break;
    case MSR_DSR: write_dsr(f, v); break;
    case FIFO: write_fifo(f, v); break;
    default: break;
    }
    fdc_sync(dev);
}

static uint64_t dir_read(struct device *dev, struct access a UNUSED)
{
    struct fdc *f = (struct fdc *)dev;
    const struct floppy *fl = fdc_drive(f, f->s.dor & DOR_SELECT);
    return fl == NULL || fl->drive == NULL || fl->s.changed ? DIR_CHANGED : 0;
}

static void ccr_write(struct device *dev, struct access a UNUSED, uint64_t v)
{
    ((struct fdc *)dev)->s.ccr = v & 3;
}

static void fdc_reset(struct device *dev)
{
    struct fdc *f = (struct fdc *)dev;
    controller_reset(f, false);
}

static void fdc_loaded(struct device *dev)
{
    struct fdc_state *s = &((struct fdc *)dev)->s;
    if (s->nbytes > FDC_MAX_BYTES || s->at >= FDC_MAX_BYTES || s->phase > FDC_RESULT ||
        s->phase == FDC_EXECUTION)
        s->phase = s->at = s->nbytes = 0;
    if (s->phase == FDC_COMMAND && s->at) {
        const struct fdc_command *c = find_command(s->bytes[0]);
        s->at = c && s->at < c->bytes ? s->at : 0;
    }
    if (s->reset_sense > FDC_DRIVES)
        s->reset_sense = 0;
    s->pos %= FDC_SECTOR;
    s->ready = 0;
}

static bool fdc_can_save(struct device *dev, struct error **errp)
{
    if (((struct fdc *)dev)->s.phase != FDC_EXECUTION)
        return true;
    error_set(errp, "the guest is in the middle of a transfer with a floppy; try again");
    return false;
}

static void show_ports(struct fdc *f)
{
    static const struct mmio_ops ops = {fdc_read, fdc_write, .min = 1, .max = 1, .size = REGS};
    static const struct mmio_ops dir_ops = {dir_read, ccr_write, .min = 1, .max = 1, .size = 1};
    region_init_mmio(&f->ports, "fdc", &ops, &f->dev);
    region_init_mmio(&f->dir_port, "fdc-dir", &dir_ops, &f->dev);
    isa_add_ports(f->isa, (uint16_t)f->iobase, &f->ports);
    isa_add_ports(f->isa, (uint16_t)(f->iobase + DIR_CCR), &f->dir_port);
}

static bool fdc_realize(struct device *dev, struct error **errp)
{
    struct fdc *f = (struct fdc *)dev;
    f->isa = isa_bus_of(dev, errp);
    if (f->isa == NULL || !isa_connect_irq(f->isa, &dev->irq, f->line, errp))
        return false;
    if (f->iobase > 0xfff8 || f->dma >= 4) {
        error_set(errp, "iobase is %#x and dma %u, must be up to 0xfff8 and 3", f->iobase, f->dma);
        return false;
    }
    cond_init(&f->idle);
    if (f->isa->dma)
        f->isa->dma->attach(f->isa->dma_opaque, f->dma, &fdc_dma_client, f);
    show_ports(f);
    fdc_bus_init(f);
    return true;
}

static void fdc_unrealize(struct device *dev)
{
    struct fdc *f = (struct fdc *)dev;
    mutex_lock(&dev->lock);
    fdc_cancel(f);
    while (f->in_flight)
        cond_wait(&f->idle, &dev->lock);
    mutex_unlock(&dev->lock);
    fdc_bus_fini(f);
    isa_del_ports(dev->machine, &f->ports);
    isa_del_ports(dev->machine, &f->dir_port);
    cond_fini(&f->idle);
}

static const struct state_field fdc_state[] = {
    STATE(fdc, dor, DOR_GATE | DOR_RUN),
    STATE(fdc, tdr, 0),
    STATE(fdc, dsr, 2),
    STATE(fdc, ccr, CCR_RESET),
    STATE(fdc, phase, 0),
    STATE_ARRAY(fdc, bytes, 0),
    STATE(fdc, nbytes, 0),
    STATE(fdc, at, 0),
    STATE_ARRAY(fdc, track, 0),
    STATE(fdc, irq, 0),
    STATE(fdc, st0, 0),
    STATE(fdc, reset_sense, 0),
    STATE_ARRAY(fdc, specify, 0),
    STATE(fdc, config, 0),
    STATE(fdc, precomp, 0),
    STATE(fdc, lock, 0),
    STATE(fdc, perpendicular, 0),
    STATE(fdc, kind, 0),
    STATE(fdc, ready, 0),
    STATE(fdc, ended, 0),
    STATE(fdc, at_end, 0),
    STATE(fdc, c, 0),
    STATE(fdc, h, 0),
    STATE(fdc, r, 0),
    STATE(fdc, n, 0),
    STATE(fdc, eot, 0),
    STATE(fdc, left, 0),
    STATE(fdc, scan_failed, 0),
    STATE(fdc, pad, 0),
    STATE(fdc, pos, 0),
    STATE_ARRAY(fdc, buffer, 0),
    STATE_END,
};

static const struct prop fdc_props[] = {
    PROP(prop_uint32, fdc, "iobase", iobase, "0x3f0", "first port"),
    PROP(prop_uint32, fdc, "irq", line, "6", "interrupt line"),
    PROP(prop_uint32, fdc, "dma", dma, "2", "DMA channel"),
    PROP_BOOTINDEX_NAMED("bootindexA", fdc, boot_a, "floppy@0"),
    PROP_BOOTINDEX_NAMED("bootindexB", fdc, boot_b, "floppy@1"),
    PROP(prop_string, fdc, "fdtypeA", type_a, "auto", "kind of drive A, if its drive-type is auto"),
    PROP(prop_string, fdc, "fdtypeB", type_b, "auto", "kind of drive B, likewise"),
    PROP(prop_string, fdc, "fallback", fallback, "288",
         "kind of a drive that begins empty and has no other: 144, 288 or 120"),
    PROP_END,
};

DEVICE_CLASS_NAMED(fdc, "isa-fdc") = {
    .desc = "Floppy disk controller (82078)",
    .node = "fdc",
    .bus = "ISA",
    .user_creatable = true,
    .props = fdc_props,
    .state = fdc_state,
    .realize = fdc_realize,
    .unrealize = fdc_unrealize,
    .reset = fdc_reset,
    .loaded = fdc_loaded,
    .sync = fdc_sync,
    .can_save = fdc_can_save,
};
