/* Disassembly for logs and monitors, by Capstone; what it does not know, by name. */
#include "target/x86/cpu.h"

#include <capstone/capstone.h>
#include <inttypes.h>

static unsigned print_bytes(FILE *f, const uint8_t *bytes, unsigned len, const char *text)
{
    enum { COLUMN = 10 };
    for (unsigned i = 0; i < len; i++)
        fprintf(f, "%02x ", bytes[i]);
    fprintf(f, "%*s%s", len < COLUMN ? (int)(COLUMN - len) * 3 : 0, "", text);
    return len;
}

static uint32_t decoder_mode(cs_mode mode)
{
    uint32_t width = mode == CS_MODE_64 ? X86_MODE_64 : mode == CS_MODE_32 ? X86_MODE_CS32 : 0;
    return width | X86_MODE_PE;
}

static unsigned print_unknown(FILE *f, const struct x86_cpu *cpu, cs_mode mode,
                              const uint8_t *bytes, unsigned len)
{
    unsigned size = 1;
    const char *name = x86_decode_name(cpu, decoder_mode(mode), bytes, len, &size);

    if (!len)
        return 0;
    print_bytes(f, bytes, size, name ? name : ".byte");
    fputc('\n', f);
    return size;
}

/* 0: it is not known. */
static unsigned print_one(FILE *f, csh handle, gva pc, const uint8_t *bytes, unsigned len)
{
    cs_insn *insn;
    size_t n = cs_disasm(handle, bytes, len, pc, 1, &insn);

    if (!n)
        return 0;
    unsigned size = print_bytes(f, bytes, insn->size, "");
    fprintf(f, "%s%s%s\n", insn->mnemonic, *insn->op_str ? " " : "", insn->op_str);
    cs_free(insn, n);
    return size;
}

static cs_mode mode_of(const struct x86_cpu *cpu)
{
    uint32_t attr = cpu->s.seg[X86_CS].attr;
    if ((attr & X86_DESC_L) && (cpu->s.efer & UINT64_C(0x400))) /* EFER.LMA */
        return CS_MODE_64;
    return attr & X86_DESC_B ? CS_MODE_32 : CS_MODE_16;
}

unsigned x86_disas(struct cpu *cpu, FILE *f, gva pc, const uint8_t *bytes, unsigned len)
{
    cs_mode mode = mode_of(x86(cpu));
    unsigned size = 0;
    csh handle;

    fprintf(f, "0x%016" PRIx64 ":  ", pc);
    if (cs_open(CS_ARCH_X86, mode, &handle) == CS_ERR_OK) {
        cs_option(handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
        size = print_one(f, handle, pc, bytes, len);
        cs_close(&handle);
    }
    return size ? size : print_unknown(f, x86(cpu), mode, bytes, len);
}
