/* All translations that satp's tables hold, for people to look at.  Ref: Priv. 4.3 to 4.6 (Sv32,
 * Sv39, Sv48, Sv57), Svnapot. */
#include "target/riscv/cpu.h"
#include "target/riscv/cpu_priv.h"
#include "target/riscv/csr.h"
#include "util/bits.h"

#include <string.h>

enum { PAGE_SHIFT = 12, MAX_ENTRIES = 1 << 22 }; /* entries read: tables may be a maze */

struct tables {
    struct rv_cpu *cpu;
    unsigned levels, index_bits, pte_size;
    unsigned left; /* entries that may still be read */
    cpu_mapping_fn *fn;
    void *opaque;
};

/* False: satp says Bare. */
static bool get_tables(struct rv_cpu *cpu, struct tables *t, gpa *root)
{
    if (cpu->xlen == 32) {
        *t = (struct tables){cpu, 2, 10, 4, MAX_ENTRIES, NULL, NULL};
        *root = (cpu->s.satp & SATP32_PPN) << PAGE_SHIFT;
        return cpu->s.satp & SATP32_MODE;
    }
    unsigned mode = (unsigned)field_get(cpu->s.satp, SATP64_MODE);
    *t = (struct tables){cpu, mode - SATP_SV39 + 3, 9, 8, MAX_ENTRIES, NULL, NULL};
    *root = (cpu->s.satp & SATP64_PPN) << PAGE_SHIFT;
    return mode >= SATP_SV39 && mode <= SATP_SV57;
}

static bool tell_leaf(struct tables *t, gva va, unsigned shift, uint64_t pte)
{
    static const char letters[] = "rwxugad"; /* bits 1 to 7 */
    char attr[sizeof(letters)];
    uint64_t ppn = t->pte_size == 8 ? extract64(pte, 10, 44) : pte >> 10;
    uint64_t size = UINT64_C(1) << shift;

    for (unsigned i = 0; i < sizeof(letters) - 1; i++)
        attr[i] = pte & (UINT64_C(2) << i) ? letters[i] : '-';
    attr[sizeof(letters) - 1] = '\0';
    if (t->pte_size == 8 && (pte & BIT64(63)))
        ppn = (ppn & ~UINT64_C(15)) | (va >> PAGE_SHIFT & 15); /* 64 KiB, one entry a page */
    return t->fn(t->opaque, va, (ppn << PAGE_SHIFT) & ~(size - 1), size, attr);
}

/* One table; false when it has been enough. */
static bool walk_table(struct tables *t, gpa table, unsigned level, gva base)
{
    unsigned shift = PAGE_SHIFT + level * t->index_bits;

    for (unsigned i = 0; i < 1u << t->index_bits; i++) {
        uint64_t pte = 0;
        gva va = base | (gva)i << shift;
        if (!t->left--)
            return false;
        if (!mem_peek(t->cpu->cpu.as, table + (gpa)i * t->pte_size, &pte, t->pte_size))
            return true; /* the table is not in memory */
        if (!(pte & 1))
            continue;
        bool leaf = pte & 0xa; /* readable or executable */
        uint64_t ppn = t->pte_size == 8 ? extract64(pte, 10, 44) : pte >> 10;
        if (level == t->levels - 1)
            va = (gva)sextract64(va, 0, shift + t->index_bits);
        if (t->cpu->xlen == 32)
            va = (uint32_t)va;
        if (leaf ? !tell_leaf(t, va, shift, pte)
                 : level && !walk_table(t, ppn << PAGE_SHIFT, level - 1, va))
            return false;
    }
    return true;
}

bool rv_mappings(struct cpu *c, cpu_mapping_fn *fn, void *opaque, bool *complete)
{
    struct tables t;
    gpa root;

    if (!get_tables((struct rv_cpu *)c, &t, &root))
        return false;
    t.fn = fn;
    t.opaque = opaque;
    *complete = walk_table(&t, root, t.levels - 1, 0);
    return true;
}
