/*
 * Disassembly for logs, from the decode tables.  Compressed instructions are shown as what they
 * abbreviate. Ref: RISC-V Assembly Programmer's Manual, 2024 (operand order, register names).
 */
#include "target/riscv/cpu.h"
#include "target/riscv/decode.h"
#include "util/annot.h"
#include "util/bits.h"

#include <inttypes.h>

struct words {
    const struct rv_decode_row *row;
    struct rv_decode_field fields[RV_DECODE_FIELDS];
    unsigned count;
    uint64_t pc;
};

static const char *const x_names[32] = {
    "zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
    "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
    "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
};
static const char *const f_names[32] = {
    "ft0", "ft1", "ft2", "ft3", "ft4",  "ft5",  "ft6", "ft7", "fs0",  "fs1",  "fa0",
    "fa1", "fa2", "fa3", "fa4", "fa5",  "fa6",  "fa7", "fs2", "fs3",  "fs4",  "fs5",
    "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
};
static const char *const round_names[8] = {"rne", "rtz", "rdn", "rup", "rmm", "?", "?", "dyn"};

/*
 * Operands of rows and of argument sets.  {KFIELD}: K is x or f for a register, d decimal, h
 * hexadecimal, p relative to pc, u of the upper 20 bits, m a rounding mode.
 */
static const struct {
    const char *of, *text;
} templates[] = {
    {"lb", "{xrd}, {dimm}({xrs1})"},
    {"lh", "{xrd}, {dimm}({xrs1})"},
    {"lw", "{xrd}, {dimm}({xrs1})"},
    {"ld", "{xrd}, {dimm}({xrs1})"},
    {"lbu", "{xrd}, {dimm}({xrs1})"},
    {"lhu", "{xrd}, {dimm}({xrs1})"},
    {"lwu", "{xrd}, {dimm}({xrs1})"},
    {"jalr", "{xrd}, {dimm}({xrs1})"},
    {"csrrwi", "{xrd}, {hcsr}, {drs1}"},
    {"csrrsi", "{xrd}, {hcsr}, {drs1}"},
    {"csrrci", "{xrd}, {hcsr}, {drs1}"},
    {"feq", "{xrd}, {frs1}, {frs2}"},
    {"flt", "{xrd}, {frs1}, {frs2}"},
    {"fle", "{xrd}, {frs1}, {frs2}"},
    {"fltq", "{xrd}, {frs1}, {frs2}"},
    {"fleq", "{xrd}, {frs1}, {frs2}"},
    {"fcvt_to_x", "{xrd}, {frs1}, {mrm}"},
    {"fmv_to_f", "{frd}, {xrs1}"},
    {"fli", "{frd}, {drs1}"},
    {"fcvtmod_w_d", "{xrd}, {frs1}, rtz"},
    {"fmvh_x_d", "{xrd}, {frs1}"},
    {"fmvp_d_x", "{frd}, {xrs1}, {xrs2}"},
    {"argset u", "{xrd}, {uimm}"},
    {"argset j", "{xrd}, {pimm}"},
    {"argset b", "{xrs1}, {xrs2}, {pimm}"},
    {"argset i", "{xrd}, {xrs1}, {dimm}"},
    {"argset s", "{xrs2}, {dimm}({xrs1})"},
    {"argset sh6", "{xrd}, {xrs1}, {dimm}"},
    {"argset r", "{xrd}, {xrs1}, {xrs2}"},
    {"argset r1", "{xrd}, {xrs1}"},
    {"argset rd", "{xrd}"},
    {"argset rs1", "({xrs1})"},
    {"argset rs12", "{xrs1}, {xrs2}"},
    {"argset csr", "{xrd}, {hcsr}, {xrs1}"},
    {"argset fence", "{dpred}, {dsucc}"},
    {"argset atomic", "{xrd}, {xrs2}, ({xrs1})"},
    {"argset lr", "{xrd}, ({xrs1})"},
    {"argset fp", "{frd}, {frs1}, {frs2}, {mrm}"},
    {"argset fp1", "{frd}, {frs1}, {mrm}"},
    {"argset fp2", "{frd}, {frs1}, {frs2}"},
    {"argset fpma", "{frd}, {frs1}, {frs2}, {frs3}, {mrm}"},
    {"argset fpload", "{frd}, {dimm}({xrs1})"},
    {"argset fpstore", "{frs2}, {dimm}({xrs1})"},
    {"argset fpint", "{frd}, {xrs1}, {mrm}"},
    {"argset fpcvt", "{frd}, {frs1}, {mrm}"},
    {"argset fmv", "{xrd}, {frs1}"},
};

static int32_t field(const struct words *w, const char *name, size_t len)
{
    for (unsigned i = 0; i < w->count; i++)
        if (strlen(w->fields[i].name) == len && !memcmp(w->fields[i].name, name, len))
            return w->fields[i].value;
    return -1;
}

static const char *operands_of(const struct rv_decode_row *row)
{
    for (unsigned i = 0; i < ARRAY_SIZE(templates); i++)
        if (!strcmp(templates[i].of, row->name))
            return templates[i].text;
    for (unsigned i = 0; i < ARRAY_SIZE(templates); i++)
        if (!strncmp(templates[i].of, "argset ", 7) && !strcmp(templates[i].of + 7, row->argset))
            return templates[i].text;
    return "";
}

static void print_operand(FILE *f, const struct words *w, char kind, int32_t v)
{
    switch (kind) {
    case 'x': fputs(x_names[v & 31], f); break;
    case 'f': fputs(f_names[v & 31], f); break;
    case 'm': fputs(round_names[v & 7], f); break;
    case 'h': fprintf(f, "0x%x", (unsigned)v); break;
    case 'u': fprintf(f, "0x%x", (unsigned)v >> 12); break;
    case 'p': fprintf(f, "0x%" PRIx64, w->pc + (int64_t)v); break;
    default: fprintf(f, "%d", v);
    }
}

static void print_operands(FILE *f, const struct words *w)
{
    for (const char *t = operands_of(w->row); *t; t++) {
        if (*t != '{') {
            fputc(*t, f);
            continue;
        }
        const char *end = strchr(t, '}');
        print_operand(f, w, t[1], field(w, t + 2, (size_t)(end - t - 2)));
        t = end;
    }
}

/* FP rows stand for several formats and types: the manual's suffixes. */
static void fp_mnemonic(const struct words *w, char *out, size_t size)
{
    static const char *const fmts[4] = {"s", "d", "h", "q"}, *const widths[4] = {"w", "d", "h",
                                                                                 "q"};
    static const char *const types[4] = {"w", "wu", "l", "lu"};
    const char *name = w->row->name;
    int fmt = field(w, "fmt", 3) & 3, type = field(w, "type", 4) & 3;
    if (!strcmp(name, "fload") || !strcmp(name, "fstore"))
        snprintf(out, size, "f%c%s", name[1], widths[fmt]);
    else if (!strcmp(name, "fcvt_to_x"))
        snprintf(out, size, "fcvt.%s.%s", types[type], fmts[fmt]);
    else if (!strcmp(name, "fcvt_to_f"))
        snprintf(out, size, "fcvt.%s.%s", fmts[fmt], types[type]);
    else if (!strcmp(name, "fmv_to_x"))
        snprintf(out, size, "fmv.x.%s", widths[fmt]);
    else if (!strcmp(name, "fmv_to_f"))
        snprintf(out, size, "fmv.%s.x", widths[fmt]);
    else
        snprintf(out, size, "%s.%s", name, fmts[fmt]);
}

static void mnemonic(const struct words *w, char *out, size_t size)
{
    static const char *const order[4] = {"", ".rl", ".aq", ".aqrl"};
    static const char *const fmts[4] = {"s", "d", "h", "q"};
    if (!strcmp(w->row->name, "fcvt_f_f")) {
        snprintf(out, size, "fcvt.%s.%s", fmts[field(w, "to", 2) & 3],
                 fmts[field(w, "from", 4) & 3]);
    } else if (field(w, "fmt", 3) >= 0) {
        fp_mnemonic(w, out, size);
    } else {
        int aq = field(w, "aq", 2), rl = field(w, "rl", 2);
        snprintf(out, size, "%s%s", w->row->name, aq >= 0 ? order[aq * 2 + rl] : "");
        for (char *p = strchr(out, '_'); p; p = strchr(p, '_'))
            *p = '.';
    }
}

static unsigned insn_length(const uint8_t *bytes, unsigned len)
{
    unsigned want = (bytes[0] & 3) == 3 ? 4 : 2;
    return want <= len ? want : 2;
}

static bool find(struct words *w, uint32_t word, unsigned n, const char *other_width)
{
    int i = n == 4 ? rv_decode32_find(word, other_width) : rvc_decode16_find(word, other_width);
    if (i < 0)
        return false;
    w->row = n == 4 ? &rv_decode32_rows[i] : &rvc_decode16_rows[i];
    w->count =
        n == 4 ? rv_decode32_fields(i, word, w->fields) : rvc_decode16_fields(i, word, w->fields);
    return true;
}

unsigned rv_disas(struct cpu *cpu, FILE *f, gva pc, const uint8_t *bytes, unsigned len)
{
    if (len < 2)
        return len;
    struct words w = {.pc = pc};
    unsigned n = insn_length(bytes, len);
    uint32_t word = n == 4 ? ld_le32(bytes) : ld_le16(bytes);
    fprintf(f, "0x%016" PRIx64 ":  %0*x%*s", pc, (int)n * 2, word, n == 4 ? 2 : 6, "");
    if (find(&w, word, n, rv(cpu)->xlen == 64 ? "xlen=32" : "xlen=64")) {
        char name[32];
        mnemonic(&w, name, sizeof(name));
        fprintf(f, "%-12s", name);
        print_operands(f, &w);
    } else {
        fprintf(f, "%-12s0x%0*x", n == 4 ? ".word" : ".half", (int)n * 2, word);
    }
    fputc('\n', f);
    return n;
}
