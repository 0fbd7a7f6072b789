/*
 * What the syndrome of a data abort says of an A32 or T32 instruction, so that a hypervisor can do
 * the access in its place.
 *
 * Only loads and stores of one general register without writeback are described.
 * Ref: DDI 0487, ESR_ELx and HSR, ISS encoding of Data Aborts.
 */
#include "target/arm/bits.h"
#include "target/arm/trans_a32.h"

enum { ISS_SAS_SHIFT = 22, ISS_SSE = 1 << 21, ISS_SRT_SHIFT = 16, ISS_AR = 1 << 14 };

/* size: log2 of bytes.  The program counter is none of the registers. */
static uint32_t access_of(unsigned rt, unsigned size, bool is_signed)
{
    if (rt == 15)
        return 0;
    return ESR_ISV | size << ISS_SAS_SHIFT | (is_signed ? ISS_SSE : 0) | rt << ISS_SRT_SHIFT;
}

/* LDA and STL; sizes: word, none, byte, halfword. */
static uint32_t a32_ordered(uint32_t insn)
{
    static const uint8_t sizes[] = {2, 3, 0, 1};
    unsigned size = sizes[insn >> 21 & 3];
    uint32_t iss = access_of(insn >> 20 & 1 ? insn >> 12 & 15 : insn & 15, size, false);
    return size == 3 || !iss ? 0 : iss | ISS_AR;
}

static uint32_t a32_access(uint32_t insn)
{
    bool keeps_base = (insn & 1 << 24) && !(insn & 1 << 21), is_load = insn & 1 << 20;
    unsigned rt = insn >> 12 & 15, op = insn >> 5 & 3;
    if (insn >> 28 == 15)
        return 0;
    if ((insn & 0x0f800ff0) == 0x01800c90)
        return a32_ordered(insn);
    if ((insn & 0x0c000000) == 0x04000000) {
        bool is_media = (insn & 0x02000010) == 0x02000010;
        return keeps_base && !is_media ? access_of(rt, insn & 1 << 22 ? 0 : 2, false) : 0;
    }
    if ((insn & 0x0e000090) != 0x00000090 || !op || !keeps_base || (op > 1 && !is_load))
        return 0;
    return access_of(rt, op == 2 ? 0 : 1, op > 1);
}

static uint32_t t16_access(uint32_t insn)
{
    static const uint8_t sizes[] = {2, 1, 0, 0, 2, 1, 0, 1};
    unsigned op = insn >> 9 & 7;
    switch (insn >> 12) {
    case 4: return insn >> 11 == 9 ? access_of(insn >> 8 & 7, 2, false) : 0;
    case 5: return access_of(insn & 7, sizes[op], op == 3 || op == 7);
    case 6: return access_of(insn & 7, 2, false);
    case 7: return access_of(insn & 7, 0, false);
    case 8: return access_of(insn & 7, 1, false);
    case 9: return access_of(insn >> 8 & 7, 2, false);
    }
    return 0;
}

static uint32_t t32_access(uint32_t insn)
{
    unsigned rt = insn >> 12 & 15, size = insn >> 21 & 3;
    bool has_offset12 = insn & 1 << 23 || (insn >> 16 & 15) == 15;
    bool is_register = !(insn & 0xfc0),
         keeps_base = (insn & 0xd00) == 0xc00 || (insn & 0xf00) == 0xe00;
    if ((insn & 0xffe000c0) == 0xe8c00080) {
        uint32_t iss = access_of(rt, insn >> 4 & 3, false);
        return iss && (insn >> 4 & 3) != 3 ? iss | ISS_AR : 0;
    }
    if ((insn & 0xfe000000) != 0xf8000000 || size == 3)
        return 0;
    if ((insn & 0x01100000) == 0x01000000) /* AdvSIMD */
        return 0;
    return has_offset12 || is_register || keeps_base ? access_of(rt, size, insn & 1 << 24) : 0;
}

uint32_t a32_access_syndrome(uint32_t insn, bool thumb, unsigned len)
{
    return !thumb ? a32_access(insn) : len == 2 ? t16_access(insn) : t32_access(insn);
}
