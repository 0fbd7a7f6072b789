/* Sectors between a floppy and the host.  Ref: Intel 82078 data sheet (290475), 5 and 6. */
#include "hw/block/fdc_priv.h"

#include <glib.h>
#include <string.h>

enum { MULTI_TRACK = 0x80, IMPLIED_SEEK = 0x40, NO_DMA = 0x01, DOR_GATE = 0x08 };

static struct floppy *drive_of(struct fdc *f)
{
    return fdc_drive(f, f->s.bytes[1] & 3);
}

bool fdc_is_to_host(const struct fdc *f)
{
    return f->s.kind == FDC_READ;
}

bool fdc_uses_dma(const struct fdc *f)
{
    return !(f->s.specify[1] & NO_DMA) && f->isa->dma;
}

static void ask_dma(struct fdc *f, bool level)
{
    if (f->isa->dma)
        f->isa->dma->request(f->isa->dma_opaque, f->dma, level && (f->s.dor & DOR_GATE));
}

/* The buffer may be emptied or filled. */
static void offer(struct fdc *f)
{
    f->s.ready = 1;
    f->s.pos = 0;
    if (fdc_uses_dma(f))
        ask_dma(f, true);
    else
        irq_set(&f->dev.irq, true);
}

static void end_with(struct fdc *f, uint8_t st0, uint8_t st1, uint8_t st2)
{
    f->s.ready = 0;
    ask_dma(f, false);
    fdc_finish(f, st0, st1, st2);
}

void fdc_cancel(struct fdc *f)
{
    f->is_stale = f->in_flight;
    f->is_waiting = false;
    f->s.ready = 0;
    ask_dma(f, false);
}

static void end_well(struct fdc *f)
{
    bool scan = f->s.kind >= FDC_SCAN_EQUAL;
    end_with(f, 0, 0, scan ? (f->s.scan_failed ? ST2_NOT_SATISFIED : ST2_HIT) : 0);
}

/* Where the sector lies, or false with the command ended. */
static bool locate(struct fdc *f, uint64_t *at)
{
    const struct floppy *fl = drive_of(f);
    const struct floppy_format *fmt = fl ? floppy_format_of(fl) : NULL;
    const struct fdc_state *s = &f->s;
    unsigned rate = s->ccr & 3;
    if (fmt == NULL || (rate != fmt->rate && !(rate == 1 && fmt->rate == 2)))
        end_with(f, ST0_ABNORMAL, ST1_NO_MARK, 0);
    else if (s->n != FDC_SIZE_CODE || s->r < 1 || s->r > fmt->sectors || s->h >= fmt->heads)
        end_with(f, ST0_ABNORMAL, ST1_NO_DATA, 0);
    else if (s->c != s->track[s->bytes[1] & 3] || s->c >= fmt->tracks)
        end_with(f, ST0_ABNORMAL, ST1_NO_DATA, ST2_WRONG_CYLINDER);
    else {
        *at = ((uint64_t)(s->c * fmt->heads + s->h) * fmt->sectors + s->r - 1) * FDC_SECTOR;
        if (*at + FDC_SECTOR <= block_size(fl->drive))
            return true;
        end_with(f, ST0_ABNORMAL, ST1_NO_DATA, 0);
    }
    return false;
}

/* The next sector.  After the last of the track, the place of the cylinder that follows. */
static void advance(struct fdc *f)
{
    struct fdc_state *s = &f->s;
    if (s->kind == FDC_FORMAT) {
        s->at_end = --s->left == 0;
        return;
    }
    if (s->r != s->eot) {
        s->r++;
        return;
    }
    s->r = 1;
    if ((s->bytes[0] & MULTI_TRACK) && s->h == 0) {
        s->h = 1;
        return;
    }
    if (s->bytes[0] & MULTI_TRACK)
        s->h = 0;
    s->c++;
    s->at_end = 1;
}

static void begin_sector(struct fdc *f);

/* A sector is dealt with.  At the end of the track only the terminal count makes it a success. */
static void sector_done(struct fdc *f)
{
    advance(f);
    if (f->s.ended || (f->s.at_end && (f->s.kind == FDC_VERIFY || f->s.kind == FDC_FORMAT)))
        end_well(f);
    else if (!f->s.at_end)
        begin_sector(f);
    else if (fdc_uses_dma(f))
        ask_dma(f, true);
    else
        end_with(f, ST0_ABNORMAL, ST1_END, 0);
}

static void io_done(struct block_req *io, int ret);

static void send_request(struct fdc *f)
{
    struct floppy *fl = drive_of(f);
    f->is_waiting = false;
    if (fl == NULL || fl->drive == NULL) { /* it was taken out meanwhile */
        end_with(f, ST0_ABNORMAL, ST1_NO_MARK, 0);
        return;
    }
    memcpy(f->sector, f->s.buffer, FDC_SECTOR);
    f->iov = (struct iovec){f->sector, FDC_SECTOR};
    f->io = (struct block_req){.op = f->op,
                               .offset = f->at,
                               .bytes = FDC_SECTOR,
                               .iov = &f->iov,
                               .niov = 1,
                               .done = io_done,
                               .opaque = f};
    f->in_flight = true;
    block_submit(fl->drive, &f->io);
}

static void request_done(struct fdc *f, int ret)
{
    if (ret < 0) {
        end_with(f, ST0_ABNORMAL, ST1_DATA_ERROR, 0);
        return;
    }
    if (f->io.op == BLOCK_READ)
        memcpy(f->s.buffer, f->sector, FDC_SECTOR);
    if (f->io.op == BLOCK_WRITE || f->s.kind == FDC_VERIFY)
        sector_done(f);
    else
        offer(f);
}

/* On a worker thread. */
static void io_done(struct block_req *io, int ret)
{
    struct fdc *f = io->opaque;
    mutex_lock(&f->dev.lock);
    bool stale = f->is_stale;
    f->in_flight = f->is_stale = false;
    if (!stale)
        request_done(f, ret);
    else if (f->is_waiting)
        send_request(f);
    cond_broadcast(&f->idle);
    mutex_unlock(&f->dev.lock);
}

/* A command may come while what an ended one had asked for is still on its way. */
static void submit(struct fdc *f, enum block_op op, uint64_t at)
{
    f->s.ready = 0;
    ask_dma(f, false);
    f->op = op;
    f->at = at;
    f->is_waiting = true;
    if (!f->in_flight)
        send_request(f);
}

static void begin_sector(struct fdc *f)
{
    uint64_t at;
    if (f->s.kind == FDC_WRITE || f->s.kind == FDC_FORMAT) {
        f->s.ready = 0;
        offer(f);
    } else if (locate(f, &at)) {
        submit(f, BLOCK_READ, at);
    }
}

static void write_sector(struct fdc *f)
{
    uint64_t at;
    if (locate(f, &at))
        submit(f, BLOCK_WRITE, at);
}

/* FORMAT got the address of a sector: it is filled. */
static void format_sector(struct fdc *f)
{
    struct fdc_state *s = &f->s;
    s->c = s->buffer[0];
    s->h = s->buffer[1];
    s->r = s->buffer[2];
    s->n = s->buffer[3];
    memset(s->buffer, s->bytes[5], FDC_SECTOR);
    write_sector(f);
}

static unsigned unit_bytes(const struct fdc *f)
{
    return f->s.kind == FDC_FORMAT ? 4 : FDC_SECTOR;
}

static void buffer_done(struct fdc *f)
{
    if (f->s.kind == FDC_WRITE)
        write_sector(f);
    else if (f->s.kind == FDC_FORMAT)
        format_sector(f);
    else
        sector_done(f);
}

/* 0xff from the host matches anything. */
static void scan_byte(struct fdc *f, uint8_t host)
{
    uint8_t disk = f->s.buffer[f->s.pos];
    bool ok = host == 0xff || host == disk || (f->s.kind == FDC_SCAN_LOW && disk < host) ||
              (f->s.kind == FDC_SCAN_HIGH && disk > host);
    f->s.scan_failed |= !ok;
}

static void take_byte(struct fdc *f, uint8_t v)
{
    if (f->s.kind >= FDC_SCAN_EQUAL)
        scan_byte(f, v);
    else
        f->s.buffer[f->s.pos] = v;
}

static uint32_t move(struct fdc *f, uint8_t *buf, uint32_t n)
{
    uint32_t part = MIN(n, unit_bytes(f) - MIN(f->s.pos, unit_bytes(f)));
    for (uint32_t i = 0; i < part; i++, f->s.pos++) {
        if (fdc_is_to_host(f))
            buf[i] = f->s.buffer[f->s.pos];
        else
            take_byte(f, buf[i]);
    }
    if (f->s.pos >= unit_bytes(f)) {
        f->s.ready = 0;
        buffer_done(f);
    }
    return part;
}

/* A sector of this command is on its way. */
static bool is_busy(const struct fdc *f)
{
    return f->is_waiting || (f->in_flight && !f->is_stale);
}

static uint32_t dma_transfer(void *opaque, uint8_t *buf, uint32_t n, bool to_memory UNUSED)
{
    struct fdc *f = opaque;
    uint32_t done = 0;
    mutex_lock(&f->dev.lock);
    if (f->s.phase == FDC_EXECUTION && f->s.at_end && !is_busy(f))
        end_with(f, ST0_ABNORMAL, ST1_END, 0);
    else if (f->s.phase == FDC_EXECUTION && f->s.ready)
        done = move(f, buf, n);
    mutex_unlock(&f->dev.lock);
    return done;
}

/* What is in the buffer of an unfinished sector is written with zeros behind it. */
static void dma_terminal_count(void *opaque)
{
    struct fdc *f = opaque;
    mutex_lock(&f->dev.lock);
    if (f->s.phase == FDC_EXECUTION) {
        bool writes = f->s.kind == FDC_WRITE || f->s.kind == FDC_FORMAT;
        f->s.ended = 1;
        if (writes && f->s.ready && f->s.pos > 0) {
            memset(f->s.buffer + f->s.pos, 0, (size_t)(FDC_SECTOR - f->s.pos));
            f->s.ready = 0;
            buffer_done(f);
        } else if (!writes || !is_busy(f)) {
            fdc_cancel(f);
            end_well(f);
        }
    }
    mutex_unlock(&f->dev.lock);
}

const struct isa_dma_client fdc_dma_client = {dma_transfer, dma_terminal_count};

uint8_t fdc_pop(struct fdc *f)
{
    uint8_t v = 0;
    if (f->s.ready)
        move(f, &v, 1);
    return v;
}

void fdc_push(struct fdc *f, uint8_t v)
{
    if (f->s.ready)
        move(f, &v, 1);
}

static bool cannot_write(struct fdc *f)
{
    const struct floppy *fl = drive_of(f);
    if (fl == NULL || fl->drive == NULL || !block_read_only(fl->drive))
        return false;
    end_with(f, ST0_ABNORMAL, ST1_PROTECTED, 0);
    return true;
}

static void begin(struct fdc *f, enum fdc_transfer kind)
{
    struct fdc_state *s = &f->s;
    s->phase = FDC_EXECUTION;
    s->kind = (uint8_t)kind;
    s->ended = s->at_end = s->scan_failed = 0;
    s->pos = 0;
}

void fdc_transfer(struct fdc *f, enum fdc_transfer kind)
{
    struct fdc_state *s = &f->s;
    uint64_t at;
    begin(f, kind);
    s->c = s->bytes[2];
    s->h = s->bytes[3];
    s->r = s->bytes[4];
    s->n = s->bytes[5];
    s->eot = s->bytes[6];
    if (s->config & IMPLIED_SEEK)
        s->track[s->bytes[1] & 3] = s->c;
    if (kind == FDC_WRITE && cannot_write(f))
        return;
    if (locate(f, &at)) /* a write finds its first sector before it takes data */
        begin_sector(f);
}

void fdc_format(struct fdc *f)
{
    struct fdc_state *s = &f->s;
    const struct floppy *fl = drive_of(f);
    begin(f, FDC_FORMAT);
    s->c = s->track[s->bytes[1] & 3];
    s->h = s->bytes[1] >> 2 & 1;
    s->r = 1;
    s->n = s->bytes[2];
    s->left = s->bytes[3];
    if (cannot_write(f))
        return;
    if (fl == NULL || fl->drive == NULL || s->left == 0)
        end_with(f, ST0_ABNORMAL, ST1_NO_MARK, 0);
    else
        offer(f);
}
