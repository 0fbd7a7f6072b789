/*
 * SMBus: protocols, and EEPROMs that describe modules of memory (SPD).
 * Ref: SMBus Specification 2.0, 5.5; JEDEC 21-C, 4.1.2.10 (Serial Presence Detect of DDR2).
 */
#include "hw/i2c/smbus.h"

#include <string.h>

/* ---- modules of memory ---- */

enum { SPD_BYTES = 0, SPD_SIZE = 1, SPD_TYPE = 2, SPD_ROWS = 3, SPD_COLUMNS = 4, SPD_RANKS = 5 };
enum { SPD_WIDTH = 6, SPD_VOLTAGE = 8, SPD_CYCLE = 9, SPD_ACCESS = 10, SPD_REFRESH = 12 };
enum { SPD_CHIP = 13, SPD_BURSTS = 16, SPD_BANKS = 17, SPD_CAS = 18, SPD_MODULE = 20 };
enum { SPD_RP = 27, SPD_RRD = 28, SPD_RCD = 29, SPD_RAS = 30, SPD_RANK_SIZE = 31 };
enum { SPD_REVISION = 62, SPD_SUM = 63, SPD_MAKER = 64, SPD_PART = 73 };
enum { DDR2 = 8, SMALLEST_LOG2 = 27, LARGEST_LOG2 = 34, UNBUFFERED = 2 };

/* Sizes from 128 MiB on: of 64 bits by columns, banks and rows. */
static const struct {
    uint8_t rows, columns, banks, size;
} modules[] = {
    {13, 9, 4, 0x20},  {13, 10, 4, 0x40}, {13, 10, 8, 0x80}, {14, 10, 8, 0x01},
    {15, 10, 8, 0x02}, {16, 10, 8, 0x04}, {16, 11, 8, 0x08}, {16, 12, 8, 0x10},
};

/* A module of PC2-6400, of one rank. */
static void describe(uint8_t spd[SMBUS_EEPROM_BYTES], unsigned log2)
{
    static const char part[] = "Tinamou";
    unsigned i = log2 - SMALLEST_LOG2;
    spd[SPD_BYTES] = 128;
    spd[SPD_SIZE] = 8; /* 2 to the 8 */
    spd[SPD_TYPE] = DDR2;
    spd[SPD_ROWS] = modules[i].rows;
    spd[SPD_COLUMNS] = modules[i].columns;
    spd[SPD_RANKS] = 0x60; /* 30 mm high */
    spd[SPD_WIDTH] = 64;
    spd[SPD_VOLTAGE] = 5;   /* SSTL 1.8 V */
    spd[SPD_CYCLE] = 0x25;  /* 2.5 ns */
    spd[SPD_ACCESS] = 0x40; /* 0.4 ns */
    spd[SPD_REFRESH] = 0x82;
    spd[SPD_CHIP] = 8;
    spd[SPD_BURSTS] = 0x0c;
    spd[SPD_BANKS] = modules[i].banks;
    spd[SPD_CAS] = 0x70; /* 4 to 6 */
    spd[SPD_MODULE] = UNBUFFERED;
    spd[SPD_RP] = 0x32;
    spd[SPD_RRD] = 0x1e;
    spd[SPD_RCD] = 0x32;
    spd[SPD_RAS] = 0x2d;
    spd[SPD_RANK_SIZE] = modules[i].size;
    spd[SPD_REVISION] = 0x12;
    for (unsigned n = 0; n < SPD_SUM; n++)
        spd[SPD_SUM] = (uint8_t)(spd[SPD_SUM] + spd[n]);
    memset(spd + SPD_MAKER, 0, 8);
    memset(spd + SPD_PART, ' ', 18);
    memcpy(spd + SPD_PART, part, sizeof(part) - 1);
}

/* The largest ones first, each a power of two; what is too small for one is left out. */
void smbus_init(struct smbus *b, struct smbus_state *s, uint64_t ram_size)
{
    b->s = s;
    memset(s, 0, sizeof(*s));
    for (b->eeproms = 0; b->eeproms < SMBUS_EEPROMS; b->eeproms++) {
        unsigned log2 = LARGEST_LOG2;
        while (log2 >= SMALLEST_LOG2 && ram_size >> log2 == 0)
            log2--;
        if (log2 < SMALLEST_LOG2)
            break;
        describe(s->eeprom[b->eeproms], log2);
        ram_size -= UINT64_C(1) << log2;
    }
}

/* ---- the bus ---- */

/* The EEPROM at an address, -1: there is none. */
static int eeprom_at(const struct smbus *b, uint8_t address)
{
    unsigned n = (address >> 1) - (unsigned)SMBUS_FIRST_EEPROM;
    return n < b->eeproms ? (int)n : -1;
}

bool smbus_start(struct smbus *b, uint8_t address)
{
    return eeprom_at(b, address) >= 0;
}

/* The first byte chooses where: the rest is written there (24C02). */
void smbus_send(struct smbus *b, uint8_t address, uint8_t v, bool is_first)
{
    int n = eeprom_at(b, address);
    if (n < 0)
        return;
    if (is_first)
        b->s->at[n] = v;
    else
        b->s->eeprom[n][b->s->at[n]++] = v;
}

uint8_t smbus_receive(struct smbus *b, uint8_t address)
{
    int n = eeprom_at(b, address);
    return n < 0 ? 0xff : b->s->eeprom[n][b->s->at[n]++];
}

/* ---- protocols ---- */

/* One transaction on its way: the check byte covers all bytes, addresses included. */
struct wire {
    struct smbus *b;
    uint8_t address, pec;
    bool fresh, failed;
};

/* CRC-8: x^8 + x^2 + x + 1.  Ref: 5.4.1. */
static uint8_t crc8(uint8_t crc, uint8_t v)
{
    crc ^= v;
    for (unsigned i = 0; i < 8; i++)
        crc = (uint8_t)(crc << 1 ^ (crc & 0x80 ? 0x07 : 0));
    return crc;
}

static void start(struct wire *w, uint8_t address)
{
    w->address = address;
    w->pec = crc8(w->pec, address);
    w->fresh = true;
    w->failed |= !smbus_start(w->b, address);
}

static void send(struct wire *w, uint8_t v)
{
    w->pec = crc8(w->pec, v);
    if (!w->failed)
        smbus_send(w->b, w->address, v, w->fresh);
    w->fresh = false;
}

static uint8_t receive(struct wire *w)
{
    uint8_t v = w->failed ? 0xff : smbus_receive(w->b, w->address);
    w->pec = crc8(w->pec, v);
    return v;
}

static void send_all(struct wire *w, const uint8_t *p, unsigned n)
{
    while (n--)
        send(w, *p++);
}

static void receive_all(struct wire *w, uint8_t *p, unsigned n)
{
    while (n--)
        *p++ = receive(w);
}

static bool is_length(uint8_t n)
{
    return n >= 1 && n <= SMBUS_BLOCK;
}

static void receive_block(struct wire *w, struct smbus_transfer *t)
{
    t->data[0] = receive(w);
    w->failed |= !is_length(t->data[0]);
    if (!w->failed)
        receive_all(w, t->block, t->data[0]);
}

static void send_block(struct wire *w, const struct smbus_transfer *t)
{
    w->failed |= !is_length(t->data[0]);
    send(w, t->data[0]);
    if (!w->failed)
        send_all(w, t->block, t->data[0]);
}

/* What follows the first start, or the command. */
static void run_data(struct wire *w, struct smbus_transfer *t)
{
    bool is_read = t->address & 1;
    unsigned n = t->protocol == SMBUS_WORD_DATA || t->protocol == SMBUS_PROCESS_CALL ? 2 : 1;
    uint8_t to_read = t->address | 1;
    switch (t->protocol) {
    case SMBUS_QUICK: break;
    case SMBUS_BYTE:
        if (is_read)
            t->data[0] = receive(w);
        break;
    case SMBUS_BYTE_DATA:
    case SMBUS_WORD_DATA:
        if (!is_read)
            send_all(w, t->data, n);
        else
            receive_all(w, t->data, n);
        break;
    case SMBUS_PROCESS_CALL:
        send_all(w, t->data, n);
        start(w, to_read);
        receive_all(w, t->data, n);
        break;
    case SMBUS_BLOCK_DATA:
        if (is_read)
            receive_block(w, t);
        else
            send_block(w, t);
        break;
    case SMBUS_I2C_READ: w->failed = true; break;
    case SMBUS_BLOCK_PROCESS:
        send_block(w, t);
        start(w, to_read);
        receive_block(w, t);
        break;
    }
}

/* Which direction comes first: a command goes to the device before it is read. */
static void run_command(struct wire *w, const struct smbus_transfer *t)
{
    bool is_read = t->address & 1,
         has_call = t->protocol == SMBUS_PROCESS_CALL || t->protocol == SMBUS_BLOCK_PROCESS;
    bool is_bare = t->protocol == SMBUS_QUICK || (t->protocol == SMBUS_BYTE && is_read);
    if (is_bare) {
        start(w, t->address);
        return;
    }
    start(w, t->address & 0xfe);
    send(w, t->command);
    if (is_read && !has_call)
        start(w, t->address | 1);
}

bool smbus_run(struct smbus *b, struct smbus_transfer *t)
{
    struct wire w = {.b = b};
    t->bad_pec = false;
    run_command(&w, t);
    if (w.failed)
        return false;
    run_data(&w, t);
    if (!t->has_pec || w.failed || t->protocol == SMBUS_QUICK)
        return !w.failed;
    uint8_t want = w.pec;
    if ((t->address & 1) || t->protocol == SMBUS_PROCESS_CALL || t->protocol == SMBUS_BLOCK_PROCESS)
        t->bad_pec = receive(&w) != want;
    else
        send(&w, want);
    return true;
}
