/* Disassembly for logs and monitors, by Capstone. */
#include "target/arm/cpu_priv.h"

#include <capstone/capstone.h>
#include <inttypes.h>

static unsigned print_unknown(FILE *f, const uint8_t *bytes, unsigned len)
{
    if (len >= 4)
        fprintf(f, "%08" PRIx32 "  .inst\n", (uint32_t)ld_le32(bytes));
    else
        fputs("?\n", f);
    return len >= 4 ? 4 : len;
}

static unsigned print_one(FILE *f, csh handle, gva pc, const uint8_t *bytes, unsigned len)
{
    cs_insn *insn;
    size_t n = cs_disasm(handle, bytes, len, pc, 1, &insn);

    if (!n)
        return print_unknown(f, bytes, len);
    unsigned size = insn->size;
    uint32_t word = size == 4 ? ld_le32(bytes) : ld_le16(bytes);
    fprintf(f, "%0*" PRIx32 "  %-8s %s\n", (int)size * 2, word, insn->mnemonic, insn->op_str);
    cs_free(insn, n);
    return size;
}

unsigned arm_disas(struct cpu *cpu, FILE *f, gva pc, const uint8_t *bytes, unsigned len)
{
    const struct arm_pstate *p = &arm(cpu)->s.ps;
    cs_mode mode = arm_is_m(arm(cpu)) ? CS_MODE_THUMB | CS_MODE_MCLASS | CS_MODE_V8
                   : p->a32           ? (p->thumb ? CS_MODE_THUMB : CS_MODE_ARM) | CS_MODE_V8
                                      : CS_MODE_ARM;
    csh handle;

    fprintf(f, "0x%016" PRIx64 ":  ", pc);
    if (len < 2 || cs_open(p->a32 ? CS_ARCH_ARM : CS_ARCH_ARM64, mode, &handle) != CS_ERR_OK)
        return print_unknown(f, bytes, len);
    unsigned size = print_one(f, handle, pc, bytes, len);
    cs_close(&handle);
    return size;
}
