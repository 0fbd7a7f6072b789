/*
 * SMBus host controllers of PIIX4 and ICH9.  Transactions end at once; a block of ICH9's without
 * its buffer goes on byte by byte, as software takes them.
 */
#include "hw/i2c/smbus_host.h"

#include <string.h>

enum { HST_STS = 0, HST_CNT = 2, HST_CMD = 3, XMIT_SLVA = 4, HST_D0 = 5, HST_D1 = 6 };
enum { BLOCK_DB = 7, PEC = 8, AUX_STS = 0x0c, AUX_CTL = 0x0d, SMLINK_PIN = 0x0e, SMBUS_PIN = 0x0f };
enum { BUSY = 0x01, INTR = 0x02, DEV_ERR = 0x04, BUS_ERR = 0x08, FAILED = 0x10, ALERT = 0x20 };
enum { IN_USE = 0x40, BYTE_DONE = 0x80 };
enum { INTREN = 0x01, KILL = 0x02, PROTOCOL = 0x1c, LAST_BYTE = 0x20, START = 0x40, PEC_EN = 0x80 };
enum { CRC_ERROR = 0x01, AUTO_CRC = 0x01, BUFFERED = 0x02, PINS_IDLE = 0x07 };

enum smbus_going { GOING_NOWHERE, GOING_OUT, GOING_IN };

void smbus_host_init(struct smbus_host *h, struct smbus_host_state *s, bool is_ich9,
                     uint64_t ram_size)
{
    h->s = s;
    h->is_ich9 = is_ich9;
    smbus_init(&h->bus, &s->bus, ram_size);
}

static void end(struct smbus_host_state *s, uint8_t bits)
{
    s->going = GOING_NOWHERE;
    s->sts = (uint8_t)((s->sts & ~BUSY) | bits);
}

static enum smbus_protocol protocol_of(const struct smbus_host_state *s)
{
    return (enum smbus_protocol)((s->cnt & PROTOCOL) >> 2);
}

/* ---- at once ---- */

static void run(struct smbus_host *h)
{
    struct smbus_host_state *s = h->s;
    struct smbus_transfer t = {.protocol = protocol_of(s),
                               .address = s->address,
                               .command = s->command,
                               .data = {s->d0, s->d1},
                               .has_pec =
                                   h->is_ich9 && (s->cnt & PEC_EN) && (s->aux_ctl & AUTO_CRC)};
    memcpy(t.block, s->block, sizeof(t.block));
    bool ok = smbus_run(&h->bus, &t);
    s->index = 0;
    if (!ok) {
        end(s, DEV_ERR);
        return;
    }
    s->d0 = t.data[0];
    s->d1 = t.data[1];
    memcpy(s->block, t.block, sizeof(t.block));
    s->aux_sts |= t.bad_pec ? CRC_ERROR : 0;
    end(s, t.bad_pec ? DEV_ERR : INTR);
}

/* ---- byte by byte ---- */

static bool is_last(const struct smbus_host_state *s)
{
    return (s->cnt & LAST_BYTE) || (protocol_of(s) != SMBUS_I2C_READ && s->left == 0);
}

static void take_byte(struct smbus_host *h)
{
    struct smbus_host_state *s = h->s;
    s->db = smbus_receive(&h->bus, s->address);
    s->left -= s->left > 0;
    if (is_last(s))
        s->left = 0, s->going = GOING_OUT; /* nothing more but the end */
    s->sts |= BYTE_DONE;
}

static void give_byte(struct smbus_host *h)
{
    smbus_send(&h->bus, h->s->address, h->s->db, false);
    h->s->left--;
    h->s->sts |= BYTE_DONE;
}

static bool is_length(uint8_t n)
{
    return n >= 1 && n <= SMBUS_BLOCK;
}

static void begin_read(struct smbus_host *h)
{
    struct smbus_host_state *s = h->s;
    bool is_i2c = protocol_of(s) == SMBUS_I2C_READ;
    smbus_send(&h->bus, s->address, is_i2c ? s->d1 : s->command, true);
    smbus_start(&h->bus, s->address | 1);
    s->left = 0;
    if (!is_i2c) {
        s->d0 = s->left = smbus_receive(&h->bus, s->address);
        if (!is_length(s->left)) {
            end(s, DEV_ERR);
            return;
        }
    }
    s->going = GOING_IN;
    take_byte(h);
}

static void begin_write(struct smbus_host *h, bool i2c)
{
    struct smbus_host_state *s = h->s;
    if (!is_length(s->d0)) {
        end(s, DEV_ERR);
        return;
    }
    smbus_send(&h->bus, s->address, s->command, true);
    if (!i2c)
        smbus_send(&h->bus, s->address, s->d0, false);
    s->going = GOING_OUT;
    s->left = s->d0;
    give_byte(h);
}

static void begin(struct smbus_host *h, bool i2c)
{
    struct smbus_host_state *s = h->s;
    enum smbus_protocol p = protocol_of(s);
    bool by_bytes =
        h->is_ich9 && (p == SMBUS_I2C_READ || (p == SMBUS_BLOCK_DATA && !(s->aux_ctl & BUFFERED)));
    if (!by_bytes) {
        run(h);
        return;
    }
    if (!smbus_start(&h->bus, s->address)) {
        end(s, DEV_ERR);
        return;
    }
    s->sts |= BUSY;
    if (p == SMBUS_I2C_READ || (s->address & 1))
        begin_read(h);
    else
        begin_write(h, i2c);
}

/* Software has dealt with a byte. */
static void go_on(struct smbus_host *h)
{
    struct smbus_host_state *s = h->s;
    if (s->going == GOING_IN)
        take_byte(h);
    else if (s->going == GOING_OUT && s->left)
        give_byte(h);
    else if (s->going == GOING_OUT)
        end(s, INTR);
}

/* ---- registers ---- */

static uint8_t read_buffer(struct smbus_host_state *s, bool peek)
{
    uint8_t v = s->block[s->index % SMBUS_BLOCK];
    if (!peek)
        s->index = (uint8_t)((s->index + 1) % SMBUS_BLOCK);
    return v;
}

static bool has_buffer(const struct smbus_host *h)
{
    return !h->is_ich9 || (h->s->aux_ctl & BUFFERED);
}

static uint8_t read_ich9(struct smbus_host *h, unsigned off)
{
    switch (off) {
    case PEC: return h->s->pec;
    case AUX_STS: return h->s->aux_sts;
    case AUX_CTL: return h->s->aux_ctl;
    case SMLINK_PIN:
    case SMBUS_PIN: return PINS_IDLE;
    default: return 0;
    }
}

uint8_t smbus_host_read(struct smbus_host *h, unsigned off, bool peek)
{
    struct smbus_host_state *s = h->s;
    uint8_t v;
    switch (off) {
    case HST_STS:
        v = s->sts | (s->in_use ? IN_USE : 0);
        if (h->is_ich9 && !peek)
            s->in_use = 1;
        return v;
    case HST_CNT:
        if (!peek)
            s->index = 0;
        return s->cnt;
    case HST_CMD: return s->command;
    case XMIT_SLVA: return s->address;
    case HST_D0: return s->d0;
    case HST_D1: return s->d1;
    case BLOCK_DB: return has_buffer(h) ? read_buffer(s, peek) : s->db;
    default: return h->is_ich9 ? read_ich9(h, off) : 0;
    }
}

static void write_status(struct smbus_host *h, uint8_t v)
{
    struct smbus_host_state *s = h->s;
    bool byte_done = s->sts & v & BYTE_DONE;
    s->sts &= (uint8_t) ~(v & ~(BUSY | IN_USE));
    if (v & IN_USE)
        s->in_use = 0;
    if (byte_done)
        go_on(h);
}

static void write_control(struct smbus_host *h, uint8_t v, bool i2c)
{
    struct smbus_host_state *s = h->s;
    s->cnt = v & (h->is_ich9 ? (uint8_t)~START : 0x1f);
    if (v & KILL) {
        end(s, s->going != GOING_NOWHERE ? FAILED : 0);
        return;
    }
    if ((v & START) && s->going == GOING_NOWHERE)
        begin(h, i2c);
}

void smbus_host_write(struct smbus_host *h, unsigned off, uint8_t v, bool i2c)
{
    struct smbus_host_state *s = h->s;
    switch (off) {
    case HST_STS: write_status(h, v); break;
    case HST_CNT: write_control(h, v, i2c); break;
    case HST_CMD: s->command = v; break;
    case XMIT_SLVA: s->address = v; break;
    case HST_D0: s->d0 = v; break;
    case HST_D1: s->d1 = v; break;
    case BLOCK_DB:
        s->db = v;
        if (has_buffer(h)) {
            s->block[s->index % SMBUS_BLOCK] = v;
            s->index = (uint8_t)((s->index + 1) % SMBUS_BLOCK);
        }
        break;
    case PEC: s->pec = v; break;
    case AUX_STS: s->aux_sts &= (uint8_t) ~(v & CRC_ERROR); break;
    case AUX_CTL: s->aux_ctl = v & (AUTO_CRC | BUFFERED); break;
    default: break;
    }
}

bool smbus_host_irq(const struct smbus_host *h)
{
    return (h->s->cnt & INTREN) &&
           (h->s->sts & (INTR | DEV_ERR | BUS_ERR | FAILED | ALERT | BYTE_DONE));
}

void smbus_host_reset(struct smbus_host *h)
{
    struct smbus_state bus = h->s->bus;
    memset(h->s, 0, sizeof(*h->s));
    h->s->bus = bus;
}

void smbus_host_loaded(struct smbus_host *h)
{
    if (h->s->going > GOING_IN)
        h->s->going = GOING_NOWHERE;
}
