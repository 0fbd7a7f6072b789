/*
 * From bytes to an instruction: prefixes, opcode, ModRM, operands, by the tables (*.tbl).
 * Ref: SDM volume 2, chapter 2 (instruction format) and appendix A (opcode maps).
 */
#ifndef TARGET_X86_DECODE_H
#define TARGET_X86_DECODE_H

#include "util/annot.h"

#include <stdbool.h>
#include <stdint.h>

struct dis;

enum { X86_MAX_INSN = 15, X86_MAX_OPERANDS = 4, X86_NO_REG = 0xff, X86_NO_SIZE = 15 };

enum x86_operand_kind {
    X86_OPND_NONE,
    X86_OPND_GPR,
    X86_OPND_MEM,  /* where base, index, disp of the instruction say */
    X86_OPND_IMM,  /* the instruction's imm */
    X86_OPND_IMM2, /* its imm2 */
    X86_OPND_REL,  /* imm is a displacement from the next instruction */
    X86_OPND_FAR,  /* imm2:imm */
    X86_OPND_SEG,
    X86_OPND_CR,
    X86_OPND_DR,
    X86_OPND_MMX,
    X86_OPND_XMM,
    X86_OPND_ST,
};
struct x86_operand {
    uint8_t kind, reg;
    uint8_t size; /* log2 of bytes, or X86_NO_SIZE */
    bool high;    /* ah, ch, dh, bh: reg is 4..7 */
};

/* An entry of the opcode maps.  Generated. */
struct x86_row {
    const char *name;
    void (*trans)(struct dis *d);
    uint8_t modrm_mask, modrm_value;
    uint16_t match;      /* enum x86_match */
    uint16_t flags;      /* enum x86_row_flag */
    uint8_t features[2]; /* enum x86_feature + 1: all must be there, or the row does not count */
    uint8_t nops;
    struct x86_operand_code {
        uint8_t from, size, reg; /* enum x86_from, enum x86_size_code */
    } op[X86_MAX_OPERANDS];
};
/* What a row wants; no bit of a group: whatever there is. */
enum x86_match {
    X86_M_NP = 1, /* mandatory prefixes: none, 66, F3, F2 */
    X86_M_66 = 2,
    X86_M_F3 = 4,
    X86_M_F2 = 8,
    X86_M_W0 = 16,
    X86_M_W1 = 32,
    X86_M_L0 = 64,
    X86_M_L1 = 128,
    X86_M_MEM = 256,
    X86_M_REG = 512,
};
enum x86_row_flag {
    X86_R_LOCK = 1,  /* LOCK is allowed when the first operand is in memory */
    X86_R_I64 = 2,   /* not in 64-bit code */
    X86_R_O64 = 4,   /* only there */
    X86_R_D64 = 8,   /* 64-bit operands by default there, or 16-bit ones */
    X86_R_F64 = 16,  /* always 64-bit operands there */
    X86_R_PROT = 32, /* not in real and virtual-8086 mode */
    X86_R_MODRM = 64,
    X86_R_LOCK_CR = 128,    /* LOCK means CR8 where there is CR8LEGACY */
    X86_R_RMW = 256,        /* the first operand is read and written */
    X86_R_STACK = 512,      /* pushes or pops */
    X86_R_FP = 1024,        /* raises floating-point exceptions */
    X86_R_UNALIGNED = 2048, /* 16 bytes of memory need no alignment */
    X86_R_ALIGNED = 4096,   /* vectors in memory must be aligned with VEX, too */
    X86_R_UNALIGNED_AMD = 8192,
};
/* Where an operand comes from: the letters of SDM volume 2, A.2.1. */
enum x86_from {
    X86_FROM_E,
    X86_FROM_G,
    X86_FROM_M,
    X86_FROM_R,
    X86_FROM_B, /* VEX.vvvv: a general register */
    X86_FROM_I,
    X86_FROM_IS, /* a byte, sign-extended */
    X86_FROM_I2, /* a second immediate: a byte */
    X86_FROM_J,
    X86_FROM_A,
    X86_FROM_O,
    X86_FROM_S,
    X86_FROM_C,
    X86_FROM_D,
    X86_FROM_Z,     /* low bits of the opcode */
    X86_FROM_FIXED, /* general register `reg` */
    X86_FROM_SEG,   /* segment register `reg` */
    X86_FROM_ONE,   /* the constant 1 */
    X86_FROM_X,     /* string source and destination: no operand, but a size */
    X86_FROM_Y,
    X86_FROM_V, /* vector registers and memory */
    X86_FROM_W,
    X86_FROM_U,
    X86_FROM_H,
    X86_FROM_L,
    X86_FROM_P,
    X86_FROM_Q,
    X86_FROM_N,
    X86_FROM_ST, /* the register of the x87 stack in ModRM.rm; `reg` 8: the top */
};
enum x86_size_code {
    X86_SZ_B,
    X86_SZ_W,
    X86_SZ_D,
    X86_SZ_Q,
    X86_SZ_DQ,
    X86_SZ_QQ,
    X86_SZ_V,  /* operand size */
    X86_SZ_Z,  /* at most 4 bytes */
    X86_SZ_Y,  /* at least 4 */
    X86_SZ_N,  /* the mode's own: 8 bytes in 64-bit code, else 4 */
    X86_SZ_U,  /* a register of operand size, or 2 bytes of memory */
    X86_SZ_UB, /* a register of 4 bytes, or 1 byte of memory */
    X86_SZ_X,  /* 16 bytes, or 32 with VEX.L */
    X86_SZ_XH, /* half of that, a quarter, an eighth */
    X86_SZ_XK,
    X86_SZ_XO,
    X86_SZ_T,    /* 10 bytes: size X86_NO_SIZE */
    X86_SZ_NONE, /* an address only */
};

struct x86_insn {
    const struct x86_row *row;
    uint8_t len;
    uint8_t map;    /* 0 to 3: one byte, 0F, 0F 38, 0F 3A; with VEX, too */
    uint8_t opcode; /* last byte */
    uint8_t prefix; /* enum x86_match: what there is of NP, 66, F3, F2 */
    bool has_modrm, has_66, has_67, has_lock, has_vex, rip_relative;
    uint8_t modrm;
    uint8_t rex;              /* W R X B in bits 3 to 0; of VEX, too */
    bool has_rex;             /* byte registers are spl bpl sil dil */
    uint8_t rep;              /* 0xf2, 0xf3: the last one; or 0 */
    uint8_t opsize, addrsize; /* log2 of bytes: 1 to 3 */
    uint8_t seg;              /* of the memory operand: enum x86_seg_reg */
    bool has_seg;             /* by a prefix */
    uint8_t base, index, scale;
    uint8_t sib_index; /* as encoded: the vector of VSIB addresses; X86_NO_REG: there is no SIB */
    uint8_t vvvv, vex_l;
    uint8_t nops;
    struct x86_operand op[X86_MAX_OPERANDS];
    int64_t disp;
    uint64_t imm;
    uint16_t imm2;
};

enum x86_decoded {
    X86_DECODED,
    X86_NO_BYTE,   /* fetch() had no more */
    X86_UNDEFINED, /* #UD */
    X86_TOO_LONG,  /* #GP(0) */
};
/* Byte n of the instruction; false: it cannot be had (now). */
typedef bool x86_fetch_fn(void *opaque, unsigned n, uint8_t *byte);
struct x86_decoder {
    x86_fetch_fn *fetch;
    void *opaque;
    uint32_t mode;            /* X86_MODE_* */
    const uint64_t *features; /* bits of enum x86_feature */
};
enum x86_decoded x86_decode(const struct x86_decoder *how, struct x86_insn *insn) MUST_CHECK;

/* The tables, for tests: maps 0 (one byte), 1 (0F), 2 (0F 38), 3 (0F 3A), then the same of VEX. */
enum { X86_MAPS = 8 };
struct x86_opcode_rows {
    uint16_t first, n;
};
extern const struct x86_opcode_rows x86_opcodes[X86_MAPS][256];
extern const struct x86_row x86_rows[];

#endif
