/*
 * SMBus: devices at addresses of a bus, and what host controllers ask of it.
 * Ref: System Management Bus Specification 2.0, 5.5 (protocols); I2C specification, UM10204.
 *
 * The controller's device lock guards the bus and what is on it.
 */
#ifndef HW_I2C_SMBUS_H
#define HW_I2C_SMBUS_H

#include "core/device.h"

enum { SMBUS_ADDRESSES = 128, SMBUS_BLOCK = 32, SMBUS_EEPROM_BYTES = 256, SMBUS_EEPROMS = 8 };
enum { SMBUS_FIRST_EEPROM = 0x50 };

/* What a guest can see of the EEPROMs of a bus: for the state of its controller. */
struct smbus_state {
    uint8_t eeprom[SMBUS_EEPROMS][SMBUS_EEPROM_BYTES];
    uint8_t at[SMBUS_EEPROMS]; /* which byte comes next */
};

/* A bus with an EEPROM for each module of memory. */
struct smbus {
    struct smbus_state *s;
    unsigned eeproms;
};

/* Before the machine runs: the modules of ram_size bytes describe themselves. */
void smbus_init(struct smbus *b, struct smbus_state *s, uint64_t ram_size);

/* A transaction as I2C sees it.  An address with its direction (1: read) in bit 0, first or again;
 * false: nobody answers. */
bool smbus_start(struct smbus *b, uint8_t address);
/* A byte to, and from, the device at this address; is_first: the first one since its start. */
void smbus_send(struct smbus *b, uint8_t address, uint8_t v, bool is_first);
uint8_t smbus_receive(struct smbus *b, uint8_t address);

/* Protocols, numbered as host controllers do. */
enum smbus_protocol {
    SMBUS_QUICK,
    SMBUS_BYTE,
    SMBUS_BYTE_DATA,
    SMBUS_WORD_DATA,
    SMBUS_PROCESS_CALL,
    SMBUS_BLOCK_DATA,
    SMBUS_I2C_READ,
    SMBUS_BLOCK_PROCESS,
};

struct smbus_transfer {
    enum smbus_protocol protocol;
    uint8_t address; /* with its direction */
    uint8_t command;
    uint8_t data[2]; /* of bytes and words; of blocks data[0] is the length */
    uint8_t block[SMBUS_BLOCK];
    bool has_pec, bad_pec; /* has_pec: a check byte ends it; bad_pec: what came was another */
};

/* Carry it out, whatever but SMBUS_I2C_READ, whose end only the controller knows; false: nobody
 * answers, or the length of a block is impossible. */
bool smbus_run(struct smbus *b, struct smbus_transfer *t) MUST_CHECK;

#endif
