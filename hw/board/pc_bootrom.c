/*
 * The plan of the option ROM that starts the kernel (pc_bootrom.S).
 * Ref: QEMU documentation, "fw_cfg" (DMA descriptors); Plug and Play BIOS Specification 1.0A, 4.2
 * (option ROM header).
 */
#include "hw/board/pc_boot_priv.h"
#include "util/bits.h"

#include <string.h>

enum { /* offsets in the plan */
       INFO_SEGMENT = 0,
       MAP_AT = 2,
       MAP_ROOM = 4,
       MAP_PREFIX = 6,
       MAP_SIZE_AT = 8,
       RSDP_AT = 10,
       SETUP_SEGMENT = 12,
       SETUP_STACK = 14,
       START_EAX = 16,
       START_EBX = 20,
       START_ESI = 24,
       START_EIP = 28,
       LOADS = 32,
       LOAD_SIZE = 16
};
enum { SIZE_AT = 2, PNP_AT = 0x20, PNP_SIZE = 32, PNP_SUM = PNP_AT + 9, BLOCK = 512 };
enum { DMA_READ = 2, DMA_SKIP = 4, DMA_SELECT = 8 };

static void put_descriptor(GByteArray *rom, uint32_t control, uint64_t len, gpa at)
{
    uint8_t d[LOAD_SIZE];
    st_be32(d, control);
    st_be32(d + 4, (uint32_t)len);
    st_be64(d + 8, at);
    g_byte_array_append(rom, d, sizeof(d));
}

/* Select and skip to where it begins, then read. */
static void put_load(GByteArray *rom, const struct pc_load *l, const uint16_t *keys)
{
    uint32_t select = (uint32_t)keys[l->from] << 16 | DMA_SELECT;
    if (l->offset)
        put_descriptor(rom, select | DMA_SKIP, l->offset, 0);
    put_descriptor(rom, DMA_READ | (l->offset ? 0 : select), l->len, l->at);
}

static void put_start(const struct pc_boot *b, uint8_t plan[LOADS])
{
    bool real = b->entry == PC_ENTRY_REAL;
    st_le16(plan + INFO_SEGMENT, (uint16_t)(b->info_addr >> 4));
    if (!real) {
        st_le16(plan + MAP_AT, (uint16_t)b->map_at);
        st_le16(plan + MAP_ROOM, (uint16_t)b->map_room);
        st_le16(plan + MAP_PREFIX, b->entry == PC_ENTRY_MULTIBOOT ? 4 : 0);
        st_le16(plan + MAP_SIZE_AT, (uint16_t)b->map_size_at);
        st_le16(plan + RSDP_AT, (uint16_t)b->rsdp_at);
    }
    st_le16(plan + SETUP_SEGMENT, real ? (uint16_t)(b->setup_addr >> 4) : 0);
    st_le16(plan + SETUP_STACK, (uint16_t)b->setup_stack);
    st_le32(plan + START_EAX, b->eax);
    st_le32(plan + START_EBX, b->ebx);
    st_le32(plan + START_ESI, b->esi);
    st_le32(plan + START_EIP, b->eip);
}

static uint8_t complement(const uint8_t *p, size_t n)
{
    uint8_t sum = 0;
    while (n--)
        sum = (uint8_t)(sum + *p++);
    return (uint8_t)-sum;
}

GByteArray *pc_bootrom_new(const struct pc_boot *b, const uint16_t keys[PC_SOURCES])
{
    uint8_t plan[LOADS] = {0};
    GByteArray *rom = g_byte_array_new();
    g_byte_array_append(rom, pc_bootrom_bytes, PC_BOOTROM_PLAN);
    put_start(b, plan);
    g_byte_array_append(rom, plan, sizeof(plan));
    for (guint i = 0; i < b->loads->len; i++)
        put_load(rom, &g_array_index(b->loads, struct pc_load, i), keys);
    put_descriptor(rom, 0, 0, 0);
    guint len = rom->len, size = (guint)align_up(len + 1, BLOCK);
    g_byte_array_set_size(rom, size);
    memset(rom->data + len, 0, size - len);
    rom->data[SIZE_AT] = (uint8_t)(size / BLOCK);
    rom->data[PNP_SUM] = complement(rom->data + PNP_AT, PNP_SIZE);
    rom->data[size - 1] = complement(rom->data, size);
    return rom;
}
