/* A driver of the Stellaris Ethernet controller that polls. */
#include "tests/boot/arm_m/board.h"

enum { MAC = 0x40048000 };

void ethernet_start(void)
{
    REG(0x400fe108) |= 0x50000000; /* clocks of MAC and PHY */
    uint32_t low = REG(0x400fe1e0), high = REG(0x400fe1e4);
    REG(MAC + 0x14) = (low & 0xffffff) | high << 24;
    REG(MAC + 0x18) = high >> 8 & 0xffff;
    REG(MAC + 0x04) = 1;
    REG(MAC + 0x0c) = 0x17;
    REG(MAC + 0x08) = 1;
}

void ethernet_address(uint8_t mac[6])
{
    uint32_t low = REG(MAC + 0x14), high = REG(MAC + 0x18);
    for (unsigned i = 0; i < 6; i++)
        mac[i] = (uint8_t)(i < 4 ? low >> i * 8 : high >> (i - 4) * 8);
}

/* The length in front counts what follows the header. */
void ethernet_send(const uint8_t *frame, unsigned len)
{
    uint8_t word[4] = {(uint8_t)(len - 14), (uint8_t)((len - 14) >> 8)};
    unsigned at = 2;
    for (unsigned i = 0; i < len || at; i++) {
        word[at++] = i < len ? frame[i] : 0;
        if (at < 4)
            continue;
        REG(MAC + 0x10) = (uint32_t)word[0] | (uint32_t)word[1] << 8 | (uint32_t)word[2] << 16 |
                          (uint32_t)word[3] << 24;
        at = 0;
    }
    REG(MAC + 0x38) = 1;
}

unsigned ethernet_receive(uint8_t *frame, unsigned max)
{
    if (REG(MAC + 0x34) == 0)
        return 0;
    uint32_t word = REG(MAC + 0x10);
    unsigned all = word & 0xffff;
    for (unsigned i = 0; i < all; i++) {
        if (i && i % 4 == 0)
            word = REG(MAC + 0x10);
        if (i >= 2 && i - 2 < max)
            frame[i - 2] = (uint8_t)(word >> i % 4 * 8);
    }
    return all - 6;
}
