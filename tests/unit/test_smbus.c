/* SMBus controllers of PIIX4 and ICH9, and the EEPROMs of modules of memory behind them. */
#include "hw/i2c/smbus_host.h"

#include <glib.h>
#include <string.h>

enum { STS, CNT = 2, CMD, ADDR, D0, D1, DB, AUX_STS = 12, AUX_CTL };
enum { INTR = 0x02, DEV_ERR = 0x04, FAILED = 0x10, BYTE_DONE = 0x80, START = 0x40, LAST = 0x20 };
static const uint64_t MIB = 1 << 20;

static struct smbus_host h;
static struct smbus_host_state s;

static void set_up(bool is_ich9, uint64_t ram_size)
{
    memset(&s, 0, sizeof(s));
    smbus_host_init(&h, &s, is_ich9, ram_size);
}

static uint8_t in(unsigned off)
{
    return smbus_host_read(&h, off, false);
}

static void out(unsigned off, uint8_t v)
{
    smbus_host_write(&h, off, v, false);
}

/* The status it ends with. */
static uint8_t run(unsigned protocol, uint8_t address, uint8_t command)
{
    out(STS, 0xbf);
    out(ADDR, address);
    out(CMD, command);
    out(CNT, (uint8_t)(START | protocol << 2));
    return in(STS)&0xbf;
}

static void test_modules_describe_the_memory(void)
{
    uint8_t sum = 0;
    set_up(false, 1536 * MIB);
    for (unsigned i = 0; i < 63; i++)
        sum = (uint8_t)(sum + s.bus.eeprom[0][i]);
    g_assert_cmphex(sum, ==, s.bus.eeprom[0][63]);
    g_assert_cmphex(s.bus.eeprom[0][31], ==, 0x01); /* 1 GiB */
    g_assert_cmphex(s.bus.eeprom[1][31], ==, 0x80); /* 512 MiB */
    g_assert_cmphex(run(0, 0xa0, 0), ==, INTR);
    g_assert_cmphex(run(0, 0xa2, 0), ==, INTR);
    g_assert_cmphex(run(0, 0xa4, 0), ==, DEV_ERR);
    set_up(false, 64 * MIB); /* there is no such small module */
    g_assert_cmphex(run(0, 0xa0, 0), ==, DEV_ERR);
}

static void test_bytes_and_words(void)
{
    set_up(false, 1024 * MIB);
    g_assert_cmphex(run(2, 0xa1, 2), ==, INTR);
    g_assert_cmphex(in(D0), ==, 8); /* DDR2 */
    g_assert_cmphex(run(1, 0xa1, 0), ==, INTR);
    g_assert_cmphex(in(D0), ==, 14); /* the byte after it: rows */
    g_assert_cmphex(run(3, 0xa1, 0), ==, INTR);
    g_assert_cmphex(in(D0) | in(D1) << 8, ==, 0x0880);
    out(D0, 0x12);
    out(D1, 0x34);
    g_assert_cmphex(run(3, 0xa0, 0x80), ==, INTR);
    g_assert_cmphex(run(1, 0xa0, 0x81), ==, INTR); /* sends where to read */
    g_assert_cmphex(run(1, 0xa1, 0), ==, INTR);
    g_assert_cmphex(in(D0), ==, 0x34);
    g_assert_cmphex(run(2, 0x21, 0), ==, DEV_ERR);
    smbus_host_reset(&h);
    g_assert_cmphex(s.bus.eeprom[0][0x81], ==, 0x34); /* EEPROMs keep what they have */
}

static void test_blocks_of_piix4(void)
{
    set_up(false, 1024 * MIB);
    in(CNT); /* the buffer from its beginning */
    for (unsigned i = 0; i < 3; i++)
        out(DB, (uint8_t)(0xa0 + i));
    out(D0, 3);
    g_assert_cmphex(run(5, 0xa0, 0x80), ==, INTR);
    g_assert_cmpmem(s.bus.eeprom[0] + 0x80, 4, "\3\xa0\xa1\xa2", 4);
    g_assert_cmphex(run(5, 0xa1, 0x80), ==, INTR);
    g_assert_cmphex(in(D0), ==, 3);
    in(CNT);
    g_assert_cmphex(in(DB), ==, 0xa0);
    g_assert_cmphex(in(DB), ==, 0xa1);
    g_assert_cmphex(run(5, 0xa1, 0), ==, DEV_ERR); /* 128 is no length */
    out(D0, 33);
    g_assert_cmphex(run(5, 0xa0, 0x80), ==, DEV_ERR);
}

static void test_ich9_by_bytes(void)
{
    set_up(true, 1024 * MIB);
    out(D1, 2); /* I2C read: where, in the second data register */
    g_assert_cmphex(run(6, 0xa0, 0), ==, BYTE_DONE | 1);
    g_assert_cmphex(in(DB), ==, 8);
    out(CNT, 6 << 2 | LAST);
    out(STS, BYTE_DONE);
    g_assert_cmphex(in(DB), ==, 14);
    g_assert_cmphex(in(STS)&0xbf, ==, BYTE_DONE | 1);
    out(STS, BYTE_DONE);
    g_assert_cmphex(in(STS)&0xbf, ==, INTR);
    out(D0, 2);
    out(DB, 0x55);
    g_assert_cmphex(run(5, 0xa0, 0x90), ==, BYTE_DONE | 1);
    out(DB, 0x66);
    out(STS, BYTE_DONE);
    out(STS, BYTE_DONE);
    g_assert_cmphex(in(STS)&0xbf, ==, INTR);
    g_assert_cmpmem(s.bus.eeprom[0] + 0x90, 3, "\2\x55\x66", 3);
    g_assert_cmphex(run(5, 0xa1, 0x90), ==, BYTE_DONE | 1);
    g_assert_cmphex(in(D0), ==, 2);
    out(CNT, 2); /* kill */
    g_assert_cmphex(in(STS)&0xbf, ==, BYTE_DONE | FAILED);
}

static void test_ich9_checks_and_semaphore(void)
{
    set_up(true, 1024 * MIB);
    g_assert_cmphex(in(STS), ==, 0);
    g_assert_cmphex(in(STS), ==, 0x40); /* somebody has it */
    out(STS, 0x40);
    g_assert_cmphex(in(STS), ==, 0);
    out(AUX_CTL, 3);
    out(D0, 0x77);
    out(ADDR, 0xa0);
    out(CMD, 0xa0);
    out(CNT, START | 2 << 2 | 0x80); /* the check byte follows into the EEPROM */
    g_assert_cmphex(in(STS)&0xbf, ==, INTR);
    g_assert_cmphex(s.bus.eeprom[0][0xa0], ==, 0x77);
    s.bus.eeprom[0][0xa1] ^= 1; /* what a read takes for its check byte */
    out(STS, 0xbf);
    out(ADDR, 0xa1);
    out(CNT, START | 2 << 2 | 0x81);
    g_assert_cmphex(in(STS)&0xbf, ==, DEV_ERR);
    g_assert_cmphex(in(AUX_STS), ==, 1);
    g_assert_true(smbus_host_irq(&h));
    out(STS, 0xbf);
    g_assert_false(smbus_host_irq(&h));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/smbus/modules", test_modules_describe_the_memory);
    g_test_add_func("/smbus/bytes", test_bytes_and_words);
    g_test_add_func("/smbus/blocks", test_blocks_of_piix4);
    g_test_add_func("/smbus/by_bytes", test_ich9_by_bytes);
    g_test_add_func("/smbus/checks", test_ich9_checks_and_semaphore);
    return g_test_run();
}
