/*
 * hostcode: what the block tier makes of RISC-V code, without host addresses.
 *
 * Input: one unit a line, its code in hexadecimal digits.  Output, for each: a line with counts,
 * then the hot part's instructions, indented, then an empty line.  Guest registers and fields in
 * front of the CPU struct have their names; a jump leads to "exit +N" (guest address, from the
 * unit's start), to "cold" code, or to a label.  Padding and the jump that ends straight code are
 * left out.  tests/perf/host_code.py compares it with tests/perf/host_code.txt.
 */
#include "target/riscv/trans.h"
#include "tcg/backend.h"
#include "tcg/codebuf.h"
#include "tcg/ir_priv.h"
#include "tcg/x86_64/level.h"
#include "util/bits.h"

#include <capstone/capstone.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

enum { CODE_BYTES = 16 << 20, SEGMENTS = 4, MAX_CODE = 256, EXIT_SKIPPED = 77 };
/* Where Linux loads position-independent programs: constants off the pc need 64 bits. */
static const uint64_t START = 0x2aaaaaa100;

struct tool {
    struct codebuf *cb;
    struct ir *ir;
    struct rv_cpu cpu;
    csh cs;
};

struct listing {
    const struct tool *t;
    const struct host_code *code;
    GString *text;
    GArray *labels; /* uint64_t: where jumps inside the hot part lead, ascending */
    unsigned host, guest;
    bool straight; /* the last exit goes on behind the code */
    uint64_t end;  /* guest address behind it */
};

/* --- names --- */
struct env_field {
    const char *name;
    size_t off, size;
};
#define FIELD(f)                                                                                   \
    {                                                                                              \
#f, offsetof(struct tcg_env, f), sizeof(((struct tcg_env *)0)->f)                          \
    }
static const struct env_field env_fields[] = {
    FIELD(save),       FIELD(exit_site), FIELD(host_sp), FIELD(guest_mxcsr),
    FIELD(host_mxcsr), FIELD(ring_pos),  FIELD(salt),    FIELD(page),
};

static void print_tlb(GString *out, size_t off)
{
    static const char *const parts[] = {"rtag", "wtag", "radd", "wadd"};
    size_t in_tlb = off % sizeof(struct tcg_tlb), part = in_tlb / (8 * TCG_TLB_SIZE);
    g_string_append_printf(out, "tlb%zu.%s", off / sizeof(struct tcg_tlb), parts[part]);
    if (in_tlb % (8 * TCG_TLB_SIZE))
        g_string_append_printf(out, "+%zu", in_tlb % (8 * TCG_TLB_SIZE));
}

/* An array of {tag, code}. */
static void print_pair(GString *out, const char *name, size_t off)
{
    g_string_append(out, name);
    if (off >= 16)
        g_string_append_printf(out, "[%zu]", off / 16);
    g_string_append(out, off % 16 ? ".code" : ".tag");
}

static void print_env(GString *out, size_t off)
{
    size_t dispatch = offsetof(struct tcg_env, dispatch), ring = offsetof(struct tcg_env, ring);
    g_string_append(out, "env.");
    if (off < dispatch)
        print_tlb(out, off);
    else if (off < ring)
        print_pair(out, "dispatch", off - dispatch);
    else if (off < offsetof(struct tcg_env, save))
        print_pair(out, "ring", off - ring);
    else
        for (unsigned i = 0; i < G_N_ELEMENTS(env_fields); i++) {
            const struct env_field *f = &env_fields[i];
            if (off - f->off < f->size)
                g_string_append_printf(out, off == f->off ? "%s" : "%s+%zu", f->name, off - f->off);
        }
}

/* What lies at a displacement from the CPU pointer. */
static void print_cpu(GString *out, int64_t disp)
{
    if (disp < 0) {
        print_env(out, sizeof(struct tcg_env) + disp);
        return;
    }
    for (unsigned i = 0; i < RV_SLOTS; i++)
        if ((uint64_t)(disp - rv_slots[i].off) < 8) {
            g_string_append(out, rv_slots[i].name);
            if (disp != rv_slots[i].off)
                g_string_append_printf(out, "+%d", (int)(disp - rv_slots[i].off));
            return;
        }
    if (disp == offsetof(struct cpu, request))
        g_string_append(out, "request");
    else
        g_string_append_printf(out, "cpu+%d", (int)disp);
}

/* --- operands --- */
static bool in_code(const struct listing *l, uint64_t addr)
{
    return addr - (uintptr_t)l->code->start < l->code->size;
}

static const struct exit_site *exit_at(const struct host_code *code, uint32_t jump_off)
{
    for (unsigned i = 0; i < code->nexits; i++)
        if (code->exits[i].jump_off == jump_off)
            return &code->exits[i];
    return NULL;
}

static uint32_t offset_of(const struct listing *l, const cs_insn *insn)
{
    return insn->address - (uintptr_t)l->code->start;
}

/* The exit that a patchable jump serves, or NULL; its displacement comes last. */
static const struct exit_site *exit_of(const struct listing *l, const cs_insn *insn)
{
    bool jumps = cs_insn_group(l->t->cs, insn, CS_GRP_JUMP);
    return jumps && insn->size >= 5 ? exit_at(l->code, offset_of(l, insn) + insn->size - 4) : NULL;
}

/* Its number, from 1; 0: there is none. */
static unsigned label_at(const struct listing *l, uint64_t addr)
{
    for (unsigned i = 0; i < l->labels->len; i++)
        if (g_array_index(l->labels, uint64_t, i) == addr)
            return i + 1;
    return 0;
}

static void print_place(const struct listing *l, uint64_t addr, GString *out)
{
    uint32_t off = addr - (uintptr_t)l->code->start;
    if (!in_code(l, addr))
        g_string_append(out, "stub");
    else if (off >= l->code->cold_off)
        g_string_append(out, "cold");
    else
        g_string_append_printf(out, "L%u", label_at(l, addr));
}

static void print_target(const struct listing *l, const cs_insn *insn, uint64_t addr, GString *out)
{
    const struct exit_site *x = exit_of(l, insn);
    if (x)
        g_string_append_printf(out, "exit %+" PRId64, (int64_t)(x->pc - START));
    else
        print_place(l, addr, out);
}

/* RIP-relative: a constant of the pool, or code. */
static void print_rip(const struct listing *l, const cs_insn *insn, const cs_x86_op *op,
                      GString *out)
{
    uint64_t addr = insn->address + insn->size + op->mem.disp;
    const uint8_t *p = (const uint8_t *)(uintptr_t)addr;
    if (insn->id == X86_INS_LEA)
        print_place(l, addr, out);
    else
        g_string_append_printf(out, "const %#" PRIx64, op->size == 4 ? ld_le32(p) : ld_le64(p));
}

static void print_index(const struct listing *l, const cs_x86_op *op, GString *out)
{
    if (op->mem.index == X86_REG_INVALID)
        return;
    g_string_append_printf(out, " + %s", cs_reg_name(l->t->cs, op->mem.index));
    if (op->mem.scale != 1)
        g_string_append_printf(out, "*%d", op->mem.scale);
}

/* A memory operand whose text would show a displacement of ours: false for any other. */
static bool print_memory(const struct listing *l, const cs_insn *insn, const cs_x86_op *op,
                         GString *out)
{
    if (op->type != X86_OP_MEM)
        return false;
    if (op->mem.base == X86_REG_RIP) {
        print_rip(l, insn, op, out);
        return true;
    }
    if (op->mem.base != X86_REG_RBP)
        return false;
    print_cpu(out, op->mem.disp);
    print_index(l, op, out);
    return true;
}

static const char *helper_at(const struct ir *ir, uint64_t addr)
{
    for (uint32_t i = 0; i < ir->nops; i++)
        if (ir->ops[i].opc == OP_call && (uintptr_t)ir_op_helper(&ir->ops[i])->fn == addr)
            return ir_op_helper(&ir->ops[i])->name;
    return NULL;
}

/* The instruction's operands, with every host address replaced. */
static void print_operands(const struct listing *l, const cs_insn *insn, GString *out)
{
    const cs_x86 *x = &insn->detail->x86;
    const char *open = strchr(insn->op_str, '['), *close = strchr(insn->op_str, ']');
    const cs_x86_op *last = x->op_count ? &x->operands[x->op_count - 1] : NULL;
    const char *helper = last && last->type == X86_OP_IMM ? helper_at(l->t->ir, last->imm) : NULL;
    if (helper) {
        g_string_append_printf(out, "%.*s%s", (int)(strcspn(insn->op_str, ",") + 2), insn->op_str,
                               helper);
        return;
    }
    bool branches =
        cs_insn_group(l->t->cs, insn, CS_GRP_JUMP) || cs_insn_group(l->t->cs, insn, CS_GRP_CALL);
    if (branches && last->type == X86_OP_IMM) {
        print_target(l, insn, last->imm, out);
        return;
    }
    g_autoptr(GString) memory = g_string_new(NULL);
    for (unsigned i = 0; i < x->op_count; i++)
        if (print_memory(l, insn, &x->operands[i], memory)) {
            g_string_append_len(out, insn->op_str, open + 1 - insn->op_str);
            g_string_append_printf(out, "%s%s", memory->str, close);
            return;
        }
    g_string_append(out, insn->op_str);
}

/* --- one unit --- */
static bool is_end(const struct listing *l, const cs_insn *insn)
{
    const struct exit_site *x = exit_of(l, insn);
    return l->straight && insn->id == X86_INS_JMP && x && x->pc == l->end;
}

/* Whether a jump, of these, leads to addr. */
static bool is_reached(const struct listing *l, const cs_insn *insns, size_t n, uint64_t addr)
{
    for (size_t i = 0; i < n; i++) {
        const cs_x86_op *op = &insns[i].detail->x86.operands[0];
        bool jumps = cs_insn_group(l->t->cs, &insns[i], CS_GRP_JUMP) && op->type == X86_OP_IMM;
        if (jumps && (uint64_t)op->imm == addr && !exit_of(l, &insns[i]))
            return true;
    }
    return false;
}

static void find_labels(struct listing *l, const cs_insn *insns, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_reached(l, insns, n, insns[i].address))
            g_array_append_val(l->labels, insns[i].address);
}

static void list_insns(struct listing *l, const cs_insn *insns, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (label_at(l, insns[i].address))
            g_string_append_printf(l->text, "  L%u:\n", label_at(l, insns[i].address));
        if (insns[i].id == X86_INS_NOP || is_end(l, &insns[i]))
            continue;
        g_autoptr(GString) operands = g_string_new(NULL);
        print_operands(l, &insns[i], operands);
        g_autofree char *line = g_strdup_printf("    %-10s %s", insns[i].mnemonic, operands->str);
        g_string_append_printf(l->text, "%s\n", g_strchomp(line));
        l->host++;
    }
}

static void disassemble(struct listing *l)
{
    cs_insn *insns;
    size_t n = cs_disasm(l->t->cs, l->code->start, l->code->cold_off, (uintptr_t)l->code->start, 0,
                         &insns);
    size_t done = n ? insns[n - 1].address + insns[n - 1].size - (uintptr_t)l->code->start : 0;
    find_labels(l, insns, n);
    list_insns(l, insns, n);
    if (done != l->code->cold_off)
        g_string_append_printf(l->text, "    (%zu bytes that cannot be read)\n",
                               l->code->cold_off - done);
    cs_free(insns, n);
}

static uint32_t user_mode(void)
{
    return PRV_U | MODE_FS_DIRTY << RV_MODE_FS_SHIFT;
}

/* Whether the code ran on behind its last instruction, to end. */
static bool translate(struct tool *t, const uint8_t *bytes, unsigned len, unsigned *guest,
                      uint64_t *end)
{
    struct dis d;
    ir_begin(t->ir);
    dis_init(&d, t->ir, &t->cpu, START, user_mode());
    unsigned at = 0;
    for (*guest = 0; at + 2 <= len && !d.ended; ++*guest) {
        bool is_long = (bytes[at] & 3) == 3;
        dis_insn(&d, is_long ? ld_le32(bytes + at) : ld_le16(bytes + at), is_long ? 4 : 2);
        at += is_long ? 4 : 2;
    }
    *end = START + at;
    bool goes_on = !d.ended;
    if (goes_on)
        end_jump(&d, d.pc);
    if (at < len)
        g_error("code behind the instruction that ends the unit");
    return goes_on;
}

static void list_unit(struct tool *t, const uint8_t *bytes, unsigned len)
{
#if defined(__x86_64__)
    struct host_code code = {0};
    struct compile_opts o = {.page = START & ~UINT64_C(0xfff)};
    const char *why = "no room";
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GArray) labels = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    struct listing l = {.t = t, .code = &code, .text = text, .labels = labels};
    l.straight = translate(t, bytes, len, &l.guest, &l.end);
    if (!tcg_x86_64.compile(t->ir, &o, t->cb, &code, &why))
        g_error("does not compile: %s", why);
    disassemble(&l);
    printf("%u guest, %u host, %u cold bytes\n%s\n", l.guest, l.host, code.size - code.cold_off,
           text->str);
    tcg_x86_64.release(&code);
#else
    (void)t, (void)bytes, (void)len;
#endif
}

static void list_line(struct tool *t, const char *line)
{
    uint8_t bytes[MAX_CODE + 4] = {0};
    unsigned len = 0;
    for (; g_ascii_isxdigit(line[2 * len]) && len < MAX_CODE; len++)
        bytes[len] =
            g_ascii_xdigit_value(line[2 * len]) << 4 | g_ascii_xdigit_value(line[2 * len + 1]);
    list_unit(t, bytes, len);
}

/* --- set-up --- */
/* The level the listing is made for cannot be assumed of a host that lacks it. */
static bool host_is_v3(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("popcnt");
#else
    return false;
#endif
}

static void tool_init(struct tool *t)
{
#if defined(__x86_64__)
    struct tcg_layout layout = {.slots = rv_slots,
                                .nslots = RV_SLOTS,
                                .pc_slot = RV_SLOT_PC,
                                .request_off = offsetof(struct cpu, request)};
    const char *why = "no memory";
    x86_64_limit(X86_64_V3);
    t->cb = codebuf_new(CODE_BYTES, SEGMENTS, NULL);
    if (!t->cb || !tcg_x86_64.init(&layout, t->cb, &why))
        g_error("hostcode: %s", why);
#endif
    t->ir = ir_new(rv_slots, RV_SLOTS);
    t->cpu.ext = ~(UINT64_C(1) << EXT_E);
    t->cpu.xlen = 64;
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &t->cs) != CS_ERR_OK)
        g_error("hostcode: Capstone does not know x86-64");
    cs_option(t->cs, CS_OPT_DETAIL, CS_OPT_ON);
}

int main(void)
{
    static struct tool t;
    char line[2 * MAX_CODE + 2];
    if (!host_is_v3()) {
        printf("the listing is for x86-64-v3 hosts; this is none\n");
        return EXIT_SKIPPED;
    }
    tool_init(&t);
    while (fgets(line, sizeof(line), stdin))
        list_line(&t, line);
    cs_close(&t.cs);
    ir_free(t.ir);
    codebuf_free(t.cb);
    return 0;
}
