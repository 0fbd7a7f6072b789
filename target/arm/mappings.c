/* All translations of stage 1 that the current level's tables hold, for people to look at.
 * Ref: the manual, D8.3. */
#include "target/arm/mmu.h"

enum { MAX_ENTRIES = 1 << 22 /* entries read: tables may be a maze */ };

struct tables {
    struct arm_walk w;
    struct arm_geometry g;
    unsigned left; /* entries that may still be read */
    bool upper;
    cpu_mapping_fn *fn;
    void *opaque;
};

/* "rwxugad" as other architectures have it: a is the access flag, d writable at last. */
static bool tell_leaf(struct tables *t, gva va, gpa pa, unsigned bits, uint64_t desc)
{
    bool split = t->w.split, ro = desc & BIT64(7), user = split && (desc & BIT64(6));
    bool xn = split && !user ? desc & BIT64(53) : desc & BIT64(54);
    char attr[] = "r------";

    attr[1] = ro ? '-' : 'w';
    attr[2] = xn ? '-' : 'x';
    attr[3] = user ? 'u' : '-';
    attr[4] = split && (desc & BIT64(11)) ? '-' : 'g';
    attr[5] = desc & BIT64(10) ? 'a' : '-';
    attr[6] = !ro && (desc & BIT64(51)) ? 'd' : '-';
    return t->fn(t->opaque, va, pa, BIT64(bits), attr);
}

/* One table; false when it has been enough. */
static bool walk_table(struct tables *t, gpa table, int level, gva base)
{
    unsigned low = arm_level_bits(&t->g, level);
    unsigned index = level == t->g.level ? t->g.bits - low : t->g.granule - 3u;

    for (uint64_t i = 0; i < BIT64(index); i++) {
        gva va = base | i << low;
        uint64_t desc;
        if (!t->left--)
            return false;
        if (!arm_desc_load(&t->w, &t->g, table + i * 8, &desc))
            return true; /* the table is not in memory */
        if (!(desc & 1))
            continue;
        bool leaf = arm_desc_is_block(&t->g, desc, level);
        gpa out = arm_desc_output(&t->g, desc, leaf ? low : t->g.granule);
        if (leaf ? !tell_leaf(t, va, out, low, desc)
                 : level < 3 && (desc & 2) && !walk_table(t, out, level + 1, va))
            return false;
    }
    return true;
}

/* The lower or the upper half of the address space. */
static bool walk_half(struct tables *t, bool upper)
{
    t->w.addr = upper ? UINT64_MAX : 0;
    if (!arm_walk_geometry(&t->w, &t->g))
        return true;
    gva base = upper ? UINT64_MAX << (t->g.bits - 1) << 1 : 0;
    gpa table = t->w.secure ? t->g.base | ARM_SECURE_SPACE : t->g.base;
    return walk_table(t, table, t->g.level, base);
}

bool arm_mappings(struct cpu *c, cpu_mapping_fn *fn, void *opaque, bool *complete)
{
    struct arm_cpu *cpu = arm(c);
    struct tables t = {.left = MAX_ENTRIES, .fn = fn, .opaque = opaque};

    arm_walk_init(&t.w, cpu, 0, GUEST_READ, arm_guest_ops.fetch_idx(c));
    t.w.peek = true;
    if (!(cpu->s.sctlr_el[t.w.el] & SCTLR_M) || cpu->s.ps.a32 || t.w.stage2)
        return false;
    *complete = walk_half(&t, false) && (!t.w.split || walk_half(&t, true));
    return true;
}
