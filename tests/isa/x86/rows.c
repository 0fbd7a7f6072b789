/* Which rows of the opcode maps are run where. */
#include "tests/isa/x86/rows.h"

#include <glib.h>
#include <string.h>

bool is_left_to_programs(const struct x86_row *row)
{
    static const char *const list[] = {
        "push_seg",    "pop_seg",      "bound",     "ins",      "outs",    "jcc",
        "mov_to_seg",  "mov_from_seg", "call",      "jmp",      "ret",     "les",
        "lds",         "lss",          "lfs",       "lgs",      "int3",    "int_n",
        "into",        "int1",         "iret",      "in",       "out",     "loop",
        "loope",       "loopne",       "jcxz",      "call_ind", "jmp_ind", "call_far",
        "jmp_far",     "ret_far",      "hlt",       "cli",      "sti",     "sldt",
        "str",         "lldt",         "ltr",       "verr",     "verw",    "sgdt",
        "sidt",        "lgdt",         "lidt",      "smsw",     "lmsw",    "invlpg",
        "monitor",     "mwait",        "clac",      "stac",     "xgetbv",  "xsetbv",
        "rdpkru",      "wrpkru",       "swapgs",    "rdtscp",   "lar",     "lsl",
        "syscall",     "clts",         "sysret",    "wbinvd",   "ud",      "mov_from_cr",
        "mov_from_dr", "mov_to_cr",    "mov_to_dr", "wrmsr",    "rdtsc",   "rdmsr",
        "rdpmc",       "sysenter",     "sysexit",   "cpuid",    "rsm",     "rdfsbase",
        "rdgsbase",    "wrfsbase",     "wrgsbase",  "rdrand",   "rdseed",  "rdpid",
        "invpcid",     "xchg_ax",      "pushf",     "popf",     "clflush"};
    for (unsigned i = 0; i < G_N_ELEMENTS(list); i++)
        if (!strcmp(row->name, list[i]))
            return true;
    return false;
}

/* An opcode of its own that comes to the same row. */
static unsigned first_opcode(unsigned map, const struct x86_row *row)
{
    for (unsigned opcode = 0; opcode < 256; opcode++) {
        const struct x86_opcode_rows *cell = &x86_opcodes[map][opcode];
        if (row >= x86_rows + cell->first && row < x86_rows + cell->first + cell->n)
            return opcode;
    }
    return 0;
}

unsigned rows_print_missing(FILE *f, const bool *seen, bool by_programs)
{
    unsigned missing = 0;
    for (unsigned map = 0; map < X86_MAPS; map++)
        for (unsigned opcode = 0; opcode < 256; opcode++)
            for (unsigned i = 0; i < x86_opcodes[map][opcode].n; i++) {
                unsigned n = x86_opcodes[map][opcode].first + i;
                const struct x86_row *row = &x86_rows[n];
                if (seen[n] || is_left_to_programs(row) != by_programs ||
                    first_opcode(map, row) != opcode)
                    continue;
                fprintf(f, "%s, map %u, opcode %02x, ModRM %02x of %02x, match %x\n", row->name,
                        map, opcode, row->modrm_value, row->modrm_mask, row->match);
                missing++;
            }
    return missing;
}
