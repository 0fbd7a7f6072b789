/*
 * The SMBus host controllers of PIIX4 and ICH9, whose registers lie alike.
 * Ref: 82371AB (PIIX4) data sheet (290562), 7.3; ICH9 data sheet (316972), 19.2.
 */
#ifndef HW_I2C_SMBUS_HOST_H
#define HW_I2C_SMBUS_HOST_H

#include "hw/i2c/smbus.h"

struct smbus_host_state {
    struct smbus_state bus;
    uint8_t sts, cnt, command, address, d0, d1, db, pec, aux_sts, aux_ctl;
    uint8_t in_use;
    uint8_t going; /* block by bytes: enum smbus_going */
    uint8_t left;  /* bytes of it that are still to come */
    uint8_t index; /* in the buffer */
    uint8_t block[SMBUS_BLOCK];
    uint8_t pad[2];
};

/* On a device, whose lock guards it. */
struct smbus_host {
    struct smbus bus;
    struct smbus_host_state *s;
    bool is_ich9; /* check bytes, blocks by bytes, a semaphore */
};

void smbus_host_init(struct smbus_host *h, struct smbus_host_state *s, bool is_ich9,
                     uint64_t ram_size);
uint8_t smbus_host_read(struct smbus_host *h, unsigned off, bool peek);
/* i2c: blocks are written without their length (ICH9's I2C_EN). */
void smbus_host_write(struct smbus_host *h, unsigned off, uint8_t v, bool i2c);
/* Whether it asks for an interrupt. */
bool smbus_host_irq(const struct smbus_host *h);
/* The registers, not what is on the bus, as after a reset; and into their range after a load. */
void smbus_host_reset(struct smbus_host *h);
void smbus_host_loaded(struct smbus_host *h);

#endif
