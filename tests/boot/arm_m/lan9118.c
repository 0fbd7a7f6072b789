/* A driver of the LAN9118 that polls. */
#include "tests/boot/arm_m/board.h"

static uint32_t mac_read(unsigned reg)
{
    REG(ETHERNET + 0xa4) = 0xc0000000 | reg;
    while (REG(ETHERNET + 0xa4) >> 31)
        ;
    return REG(ETHERNET + 0xa8);
}

static void mac_write(unsigned reg, uint32_t val)
{
    REG(ETHERNET + 0xa8) = val;
    REG(ETHERNET + 0xa4) = 0x80000000 | reg;
    while (REG(ETHERNET + 0xa4) >> 31)
        ;
}

void ethernet_start(void)
{
    if (REG(ETHERNET + 0x64) != 0x87654321)
        fail("network card");
    REG(ETHERNET + 0x74) = 1; /* soft reset */
    while (REG(ETHERNET + 0x74) & 1)
        ;
    REG(ETHERNET + 0x58) = 0xffffffff;
    REG(ETHERNET + 0x54) = 0x111; /* interrupts: push-pull, high */
    REG(ETHERNET + 0x68) = 0x48000000;
    REG(ETHERNET + 0x5c) = 8; /* something was received */
    REG(ETHERNET + 0x70) = 2;
    mac_write(1, mac_read(1) | 0xc);
}

void ethernet_address(uint8_t mac[6])
{
    uint32_t low = mac_read(3), high = mac_read(2);
    for (unsigned i = 0; i < 6; i++)
        mac[i] = (uint8_t)(i < 4 ? low >> i * 8 : high >> (i - 4) * 8);
}

void ethernet_send(const uint8_t *frame, unsigned len)
{
    REG(ETHERNET + 0x20) = 0x3000 | len;
    REG(ETHERNET + 0x20) = len;
    for (unsigned i = 0; i < len; i += 4)
        REG(ETHERNET + 0x20) = (uint32_t)frame[i] | (uint32_t)frame[i + 1] << 8 |
                               (uint32_t)frame[i + 2] << 16 | (uint32_t)frame[i + 3] << 24;
}

unsigned ethernet_receive(uint8_t *frame, unsigned max)
{
    if ((REG(ETHERNET + 0x7c) >> 16 & 0xff) == 0)
        return 0;
    unsigned len = REG(ETHERNET + 0x40) >> 16 & 0x3fff;
    for (unsigned i = 0; i < len; i += 4) {
        uint32_t word = REG(ETHERNET);
        for (unsigned j = 0; j < 4; j++)
            if (i + j < max)
                frame[i + j] = (uint8_t)(word >> j * 8);
    }
    return len - 4;
}
