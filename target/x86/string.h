/* What a REP string helper is told (I32). */
#ifndef TARGET_X86_STRING_H
#define TARGET_X86_STRING_H

enum x86_string_how {
    X86_STR_SIZE = 3,       /* log2 of an element's bytes */
    X86_STR_ADDR_SHIFT = 2, /* log2 of the bytes of addresses and of the counter: 2 bits */
    X86_STR_SEG_SHIFT = 4,  /* source segment, 3 bits */
    X86_STR_REPNE = 1 << 7, /* CMPS, SCAS: until they are equal */
    X86_STR_ONE = 1 << 8,   /* one turn only: single step */
    X86_STR_64 = 1 << 9,    /* 64-bit code: only FS and GS have bases, nothing has limits */
    X86_STR_FLAT_ES = 1 << 10,
    X86_STR_FLAT_SRC = 1 << 11,
    X86_STR_IDX_SHIFT = 12,  /* MMU index, 4 bits */
    X86_STR_ALIGN = 1 << 16, /* misaligned elements fault */
};

#endif
