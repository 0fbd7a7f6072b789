/* What translated code tells the helpers of vector instructions, in one word. */
#ifndef TARGET_X86_VEC_MEM_H
#define TARGET_X86_VEC_MEM_H

/* VMASKMOV, MASKMOVDQU, gathers: where fields begin, and flags. */
enum {
    VMEM_DATA = 0,      /* 4 bits: register */
    VMEM_MASK = 4,      /* 4 bits */
    VMEM_INDEX = 8,     /* 4 bits */
    VMEM_ESZ = 12,      /* 2 bits: log2 of the bytes of a lane */
    VMEM_SCALE = 14,    /* 2 bits */
    VMEM_SEG = 16,      /* 3 bits: enum x86_seg_reg */
    VMEM_ADDRSIZE = 19, /* 2 bits: log2 of the bytes of an offset */
    VMEM_256 = 1 << 21,
    VMEM_INDEX_64 = 1 << 22 /* indices of 8 bytes, not 4 */
};

/* PCMPxSTRx: the immediate, then these. */
enum {
    PCMP_A = 8,
    PCMP_B = 12,
    PCMP_MEMORY = 1 << 16,  /* B is X86_SLOT_VTMP */
    PCMP_MASK = 1 << 17,    /* the result goes to xmm0 */
    PCMP_IMPLICIT = 1 << 18 /* strings end with a zero */
};

#endif
