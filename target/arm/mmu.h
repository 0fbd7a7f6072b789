/* A translation under way: stage 1 (mmu.c) and stage 2 (mmu_s2.c). */
#ifndef TARGET_ARM_MMU_H
#define TARGET_ARM_MMU_H

#include "target/arm/cpu_priv.h"

#include <glib.h>

enum {
    ARM_PROT_R = 1 << GUEST_READ,
    ARM_PROT_W = 1 << GUEST_WRITE,
    ARM_PROT_X = 1 << GUEST_FETCH,
    ARM_PROT_RW = ARM_PROT_R | ARM_PROT_W,
    ARM_PROT_ALL = ARM_PROT_RW | ARM_PROT_X
};

/* Shape of a set of tables. */
struct arm_geometry {
    uint8_t granule; /* log2 of bytes: 12, 14, 16 */
    uint8_t bits;    /* of the input address */
    int8_t level;    /* the first one */
    bool ds;         /* descriptors have 52-bit addresses as of FEAT_LPA2 */
    bool pa52;       /* as of FEAT_LPA */
    bool be, ha, hd;
    uint64_t base; /* of the first table */
};

/* One stage's result. */
struct arm_leaf {
    gpa addr;
    uint64_t desc;
    gpa desc_addr;
    int8_t level;
    uint8_t bits; /* log2 of what it maps */
    uint8_t prot;
    uint8_t attr; /* stage 1: MAIR's byte; stage 2: MemAttr */
    uint8_t sh;   /* stage 1: shareability */
    bool secure, ng;
};

struct arm_walk {
    struct arm_cpu *cpu;
    gva addr;
    enum guest_access access;
    unsigned el; /* of the regime */
    bool user, pan, split;
    bool secure;    /* the regime's world */
    bool stage2;    /* translations of stage 1 are intermediate */
    bool peek;      /* a debugger looks: no updates */
    uint32_t cause; /* of a failure */
    uint64_t ipa;
    uint64_t tables; /* stage 1: OR of the tables' hierarchical bits */
    struct arm_leaf s1, s2;
};

/* mmu.c */
void arm_walk_init(struct arm_walk *w, struct arm_cpu *cpu, gva addr, enum guest_access access,
                   unsigned idx);
/* The tables for w->addr; false: there are none, stage 1 is off or disabled for that half. */
bool arm_walk_geometry(const struct arm_walk *w, struct arm_geometry *g);
/* False: w->cause. */
bool arm_walk_stage1(struct arm_walk *w);
unsigned arm_level_bits(const struct arm_geometry *g, int level);
/* Where the descriptor for addr lies in a table of a level. */
gpa arm_desc_addr(const struct arm_geometry *g, gpa table, int level, uint64_t addr);
/* The address in a descriptor. */
gpa arm_desc_output(const struct arm_geometry *g, uint64_t desc, unsigned low);
bool arm_desc_is_block(const struct arm_geometry *g, uint64_t desc, int level);
bool arm_desc_load(struct arm_walk *w, const struct arm_geometry *g, gpa addr, uint64_t *desc);
/* Set bits of a descriptor and clear others; *again when it changed meanwhile. */
bool arm_desc_update(struct arm_walk *w, const struct arm_geometry *g, gpa addr, uint64_t *desc,
                     uint64_t set, uint64_t clear, bool *again);
/* A fault status code with its level. */
uint32_t arm_fsc(unsigned code, int level);
unsigned arm_pa_limit(const struct arm_cpu *cpu, unsigned ps);

/* mmu_s2.c: an intermediate address; s1ptw: of a table of stage 1. */
bool arm_walk_stage2(struct arm_walk *w, gpa ipa, bool s1ptw, enum guest_access access);
bool arm_has_stage2(const struct arm_cpu *cpu);
/* Stage 2 has found Device memory. */
bool arm_is_device_s2(const struct arm_walk *w);

#endif
