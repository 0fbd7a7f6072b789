/* Prefixes, opcode, ModRM, SIB, displacement, immediates: SDM volume 2, chapter 2. */
#include "target/x86/decode.h"

#include "target/x86/cpu.h"

#include <string.h>

enum { MAP_ONE, MAP_0F, MAP_0F38, MAP_0F3A, MAP_VEX };
enum { REX_B = 1, REX_X = 2, REX_R = 4, REX_W = 8 };

struct reader {
    const struct x86_decoder *how;
    struct x86_insn *in;
    enum x86_decoded state;
    unsigned map;
    uint8_t vex_pp; /* enum x86_match, of VEX */
    bool bad;       /* VEX behind a prefix that it cannot have */
};

static bool is_64(const struct reader *r)
{
    return r->how->mode & X86_MODE_64;
}

/* The next byte; 0 once something has failed. */
static uint8_t next(struct reader *r)
{
    uint8_t byte = 0;
    if (r->state != X86_DECODED)
        return 0;
    if (r->in->len >= X86_MAX_INSN)
        r->state = X86_TOO_LONG;
    else if (!r->how->fetch(r->how->opaque, r->in->len, &byte))
        r->state = X86_NO_BYTE;
    else
        r->in->len++;
    return byte;
}

static uint64_t next_bytes(struct reader *r, unsigned n)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < n; i++)
        v |= (uint64_t)next(r) << 8 * i;
    return v;
}

static uint64_t sign_extend(uint64_t v, unsigned bytes)
{
    unsigned shift = 64 - 8 * bytes;
    return (uint64_t)((int64_t)(v << shift) >> shift);
}

/* --- prefixes --- */

static void set_segment(struct reader *r, unsigned seg)
{
    if (is_64(r) && seg != X86_FS && seg != X86_GS)
        return;
    r->in->seg = seg;
    r->in->has_seg = true;
}

/* Whether it is a legacy prefix, which is noted. */
static bool take_prefix(struct reader *r, uint8_t byte)
{
    switch (byte) {
    case 0x26: set_segment(r, X86_ES); return true;
    case 0x2e: set_segment(r, X86_CS); return true;
    case 0x36: set_segment(r, X86_SS); return true;
    case 0x3e: set_segment(r, X86_DS); return true;
    case 0x64: set_segment(r, X86_FS); return true;
    case 0x65: set_segment(r, X86_GS); return true;
    case 0x66: r->in->has_66 = true; return true;
    case 0x67: r->in->has_67 = true; return true;
    case 0xf0: r->in->has_lock = true; return true;
    case 0xf2:
    case 0xf3: r->in->rep = byte; return true;
    }
    return false;
}

/* The first byte that is no prefix.  REX counts only directly before it. */
static uint8_t read_prefixes(struct reader *r)
{
    for (;;) {
        uint8_t byte = next(r);
        if (is_64(r) && (byte & 0xf0) == 0x40) {
            r->in->has_rex = true;
            r->in->rex = byte & 15;
        } else if (take_prefix(r, byte)) {
            r->in->has_rex = false;
            r->in->rex = 0;
        } else {
            return byte;
        }
    }
}

/* --- opcode --- */

static const uint16_t vex_prefix[4] = {X86_M_NP, X86_M_66, X86_M_F3, X86_M_F2};

/* VEX, unless the bytes are LES or LDS, of which the second is given: a ModRM byte of memory. */
static bool is_vex(const struct reader *r, uint8_t second)
{
    if (is_64(r))
        return true;
    return second >= 0xc0;
}

static uint8_t read_vex(struct reader *r, uint8_t first, uint8_t second)
{
    struct x86_insn *in = r->in;
    uint8_t last = second;
    unsigned map = 1;
    in->has_vex = true;
    r->bad = in->has_rex || in->has_66 || in->rep || in->has_lock ||
             !(r->how->mode & X86_MODE_PE) || (r->how->mode & X86_MODE_VM);
    in->rex = second & 0x80 ? 0 : REX_R;
    if (first == 0xc4) {
        last = next(r);
        in->rex = (~second >> 5 & 7) | (last & 0x80 ? REX_W : 0);
        map = second & 31;
    }
    in->vvvv = ~last >> 3 & 15;
    in->vex_l = last >> 2 & 1;
    r->vex_pp = vex_prefix[last & 3];
    if (!is_64(r)) {
        in->rex &= REX_W;
        in->vvvv &= 7;
    }
    r->bad |= map < 1 || map > 3;
    r->map = MAP_VEX + (map & 3);
    return next(r);
}

/* The next byte without taking it. */
static uint8_t peek(struct reader *r)
{
    uint8_t len = r->in->len, byte = next(r);
    r->in->len = len;
    return byte;
}

static uint8_t read_opcode(struct reader *r)
{
    uint8_t byte = read_prefixes(r);
    if ((byte == 0xc4 || byte == 0xc5) && is_vex(r, peek(r)))
        return read_vex(r, byte, next(r));
    if (byte != 0x0f)
        return byte;
    r->map = MAP_0F;
    byte = next(r);
    if (byte != 0x38 && byte != 0x3a)
        return byte;
    r->map = byte == 0x38 ? MAP_0F38 : MAP_0F3A;
    return next(r);
}

/* --- ModRM --- */

static void address_16(struct reader *r, unsigned mod, unsigned rm)
{
    static const uint8_t bases[8] = {3, 3, 5, 5, 6, 7, 5, 3}, indexes[4] = {6, 7, 6, 7};
    struct x86_insn *in = r->in;
    in->base = bases[rm];
    in->index = rm < 4 ? indexes[rm] : X86_NO_REG;
    if (mod == 0 && rm == 6)
        in->base = X86_NO_REG;
    if (in->base == 5 && !in->has_seg)
        in->seg = X86_SS;
    if (mod == 1)
        in->disp = (int64_t)sign_extend(next(r), 1);
    else if (mod == 2 || in->base == X86_NO_REG)
        in->disp = (int64_t)sign_extend(next_bytes(r, 2), 2);
}

static void read_sib(struct reader *r)
{
    struct x86_insn *in = r->in;
    uint8_t sib = next(r);
    in->base = (sib & 7) | (in->rex & REX_B ? 8 : 0);
    in->index = (sib >> 3 & 7) | (in->rex & REX_X ? 8 : 0);
    in->sib_index = in->index;
    in->scale = sib >> 6;
    if (in->index == 4)
        in->index = X86_NO_REG;
}

static void address_32(struct reader *r, unsigned mod, unsigned rm)
{
    struct x86_insn *in = r->in;
    if (rm == 4)
        read_sib(r);
    else
        in->base = rm | (in->rex & REX_B ? 8 : 0);
    if (mod == 0 && (in->base & 7) == 5) {
        in->rip_relative = is_64(r) && rm == 5;
        in->base = X86_NO_REG;
    }
    if ((in->base == 4 || in->base == 5) && !in->has_seg)
        in->seg = X86_SS;
    if (mod == 1)
        in->disp = (int64_t)sign_extend(next(r), 1);
    else if (mod == 2 || in->base == X86_NO_REG)
        in->disp = (int64_t)sign_extend(next_bytes(r, 4), 4);
}

static void read_modrm(struct reader *r, bool always_register)
{
    struct x86_insn *in = r->in;
    unsigned mod = in->modrm >> 6, rm = in->modrm & 7;
    if (mod == 3 || always_register)
        return;
    if (in->addrsize == 1)
        address_16(r, mod, rm);
    else
        address_32(r, mod, rm);
}

static bool is_register(const struct x86_insn *in)
{
    return in->modrm >= 0xc0;
}

/* --- rows --- */

static unsigned prefix_of(const struct reader *r)
{
    const struct x86_insn *in = r->in;
    if (in->has_vex)
        return r->vex_pp;
    if (in->rep)
        return in->rep == 0xf3 ? X86_M_F3 : X86_M_F2;
    return in->has_66 ? X86_M_66 : X86_M_NP;
}

static bool has_feature(const struct reader *r, unsigned f)
{
    return r->how->features[f / 64] >> f % 64 & 1;
}

static bool has_features(const struct reader *r, const struct x86_row *row)
{
    for (unsigned i = 0; i < sizeof(row->features) && row->features[i]; i++)
        if (!has_feature(r, row->features[i] - 1))
            return false;
    return true;
}

static bool mode_allows(const struct reader *r, const struct x86_row *row)
{
    uint32_t mode = r->how->mode;
    if (row->flags & (mode & X86_MODE_64 ? X86_R_I64 : X86_R_O64))
        return false;
    return !(row->flags & X86_R_PROT) || (mode & (X86_MODE_PE | X86_MODE_VM)) == X86_MODE_PE;
}

/* Of a group of which a row names some bits, the one that the instruction has must be among them.
 */
static bool agrees(unsigned wanted, unsigned group, unsigned has)
{
    return !(wanted & group) || (wanted & has);
}

static bool row_matches(const struct reader *r, const struct x86_row *row)
{
    const struct x86_insn *in = r->in;
    unsigned want = row->match;
    return (in->modrm & row->modrm_mask) == row->modrm_value &&
           agrees(want, X86_M_NP | X86_M_66 | X86_M_F3 | X86_M_F2, prefix_of(r)) &&
           agrees(want, X86_M_W0 | X86_M_W1, in->rex & REX_W ? X86_M_W1 : X86_M_W0) &&
           agrees(want, X86_M_L0 | X86_M_L1, in->vex_l ? X86_M_L1 : X86_M_L0) &&
           agrees(want, X86_M_MEM | X86_M_REG, is_register(in) ? X86_M_REG : X86_M_MEM) &&
           mode_allows(r, row) && has_features(r, row);
}

static const struct x86_row *find_row(const struct reader *r)
{
    const struct x86_opcode_rows *cell = &x86_opcodes[r->map][r->in->opcode];
    for (unsigned i = 0; i < cell->n; i++)
        if (row_matches(r, &x86_rows[cell->first + i]))
            return &x86_rows[cell->first + i];
    return NULL;
}

/* --- sizes --- */

static void set_address_size(struct reader *r)
{
    bool is_32 = r->how->mode & X86_MODE_CS32;
    if (is_64(r))
        r->in->addrsize = r->in->has_67 ? 2 : 3;
    else
        r->in->addrsize = is_32 != r->in->has_67 ? 2 : 1;
}

static unsigned operand_size(const struct reader *r)
{
    const struct x86_insn *in = r->in;
    unsigned flags = in->row->flags;
    bool has_66 = in->has_66 && !in->has_vex;
    if (!is_64(r))
        return (r->how->mode & X86_MODE_CS32 ? 1 : 0) != has_66 ? 2 : 1;
    if ((flags & X86_R_F64) || (in->rex & REX_W))
        return 3;
    if (has_66)
        return 1;
    return flags & X86_R_D64 ? 3 : 2;
}

static unsigned size_of(const struct reader *r, unsigned code, bool is_reg)
{
    const struct x86_insn *in = r->in;
    switch (code) {
    case X86_SZ_B:
    case X86_SZ_W:
    case X86_SZ_D:
    case X86_SZ_Q: return code - X86_SZ_B;
    case X86_SZ_DQ: return 4;
    case X86_SZ_QQ: return 5;
    case X86_SZ_V: return in->opsize;
    case X86_SZ_Z: return in->opsize < 2 ? in->opsize : 2;
    case X86_SZ_Y: return in->rex & REX_W ? 3 : 2;
    case X86_SZ_N: return is_64(r) ? 3 : 2;
    case X86_SZ_U: return is_reg ? in->opsize : 1;
    case X86_SZ_UB: return is_reg ? 2 : 0;
    case X86_SZ_X:
    case X86_SZ_XH:
    case X86_SZ_XK:
    case X86_SZ_XO: return (in->vex_l ? 5 : 4) - (code - X86_SZ_X);
    }
    return X86_NO_SIZE;
}

/* --- operands --- */

static struct x86_operand general(const struct reader *r, unsigned reg, unsigned size)
{
    bool high = size == 0 && reg >= 4 && reg < 8 && !r->in->has_rex && !r->in->has_vex;
    return (struct x86_operand){X86_OPND_GPR, reg, size, high};
}

static unsigned reg_field(const struct x86_insn *in)
{
    return (in->modrm >> 3 & 7) | (in->rex & REX_R ? 8 : 0);
}

static unsigned rm_field(const struct x86_insn *in)
{
    return (in->modrm & 7) | (in->rex & REX_B ? 8 : 0);
}

static struct x86_operand memory(unsigned size)
{
    return (struct x86_operand){X86_OPND_MEM, 0, size, false};
}

static struct x86_operand vector(unsigned kind, unsigned reg, unsigned size)
{
    return (struct x86_operand){kind, kind == X86_OPND_MMX ? reg & 7 : reg, size, false};
}

static struct x86_operand immediate(struct reader *r, unsigned size)
{
    unsigned bytes = 1u << size;
    r->in->imm = sign_extend(next_bytes(r, bytes), bytes);
    return (struct x86_operand){X86_OPND_IMM, 0, size, false};
}

/* A whole address, of any segment. */
static struct x86_operand offset_operand(struct reader *r, unsigned size)
{
    unsigned bytes = 1u << r->in->addrsize;
    r->in->disp = (int64_t)next_bytes(r, bytes);
    return memory(size);
}

static struct x86_operand far_operand(struct reader *r)
{
    r->in->imm = next_bytes(r, 1u << r->in->opsize);
    r->in->imm2 = next_bytes(r, 2);
    return (struct x86_operand){X86_OPND_FAR, 0, r->in->opsize, false};
}

static struct x86_operand segment(struct reader *r, unsigned reg)
{
    if (reg >= X86_SEGS)
        r->state = X86_UNDEFINED;
    return (struct x86_operand){X86_OPND_SEG, reg, 1, false};
}

/* CR0, 2, 3, 4 and 8 exist, and all debug registers below 8. */
static struct x86_operand control(struct reader *r, unsigned kind, unsigned size)
{
    struct x86_insn *in = r->in;
    unsigned reg = reg_field(in);
    if ((in->row->flags & X86_R_LOCK_CR) && in->has_lock)
        reg |= 8;
    if (kind == X86_OPND_CR ? !(0x11d >> reg & 1) : reg >= 8)
        r->state = X86_UNDEFINED;
    return (struct x86_operand){kind, reg, size, false};
}

/* Those that come with bytes of their own. */
static struct x86_operand read_constant(struct reader *r, const struct x86_operand_code *c,
                                        unsigned size)
{
    struct x86_insn *in = r->in;
    switch (c->from) {
    case X86_FROM_I: {
        struct x86_operand o = immediate(r, size == 3 && c->size != X86_SZ_V ? 2 : size);
        o.size = c->size == X86_SZ_Z ? in->opsize : size;
        return o;
    }
    case X86_FROM_IS:
        in->imm = sign_extend(next(r), 1);
        return (struct x86_operand){X86_OPND_IMM, 0, in->opsize, false};
    case X86_FROM_I2: in->imm2 = next(r); return (struct x86_operand){X86_OPND_IMM2, 0, 0, false};
    case X86_FROM_ONE: in->imm = 1; return (struct x86_operand){X86_OPND_IMM, 0, 0, false};
    case X86_FROM_A: return far_operand(r);
    case X86_FROM_O: return offset_operand(r, size);
    default: immediate(r, size); return (struct x86_operand){X86_OPND_REL, 0, size, false};
    }
}

static struct x86_operand read_system(struct reader *r, const struct x86_operand_code *c,
                                      unsigned size)
{
    switch (c->from) {
    case X86_FROM_S: return segment(r, reg_field(r->in) & 7);
    case X86_FROM_SEG: return segment(r, c->reg);
    case X86_FROM_C: return control(r, X86_OPND_CR, size);
    case X86_FROM_D: return control(r, X86_OPND_DR, size);
    }
    return (struct x86_operand){X86_OPND_ST, c->reg & 8 ? 0 : r->in->modrm & 7, size, false};
}

/* VEX.vvvv; without VEX the first operand, which is in ModRM.rm where it is H itself. */
static unsigned second_source(const struct x86_insn *in, const struct x86_operand_code *c)
{
    if (in->has_vex)
        return in->vvvv;
    return c == in->row->op ? rm_field(in) : in->op[0].reg;
}

static struct x86_operand read_vector(struct reader *r, const struct x86_operand_code *c,
                                      unsigned size)
{
    const struct x86_insn *in = r->in;
    switch (c->from) {
    case X86_FROM_V: return vector(X86_OPND_XMM, reg_field(in), size);
    case X86_FROM_W:
        return is_register(in) ? vector(X86_OPND_XMM, rm_field(in), size) : memory(size);
    case X86_FROM_U: return vector(X86_OPND_XMM, rm_field(in), size);
    case X86_FROM_H: return vector(X86_OPND_XMM, second_source(in, c), size);
    case X86_FROM_L: return vector(X86_OPND_XMM, next(r) >> 4 & (is_64(r) ? 15 : 7), size);
    case X86_FROM_P: return vector(X86_OPND_MMX, reg_field(in) & 7, size);
    case X86_FROM_Q:
        return is_register(in) ? vector(X86_OPND_MMX, rm_field(in) & 7, size) : memory(size);
    }
    return vector(X86_OPND_MMX, rm_field(in) & 7, size);
}

static struct x86_operand read_operand(struct reader *r, const struct x86_operand_code *c)
{
    const struct x86_insn *in = r->in;
    unsigned size = size_of(r, c->size, is_register(in));
    switch (c->from) {
    case X86_FROM_E: return is_register(in) ? general(r, rm_field(in), size) : memory(size);
    case X86_FROM_M:
        if (is_register(in))
            r->state = X86_UNDEFINED;
        return memory(size);
    case X86_FROM_R: return general(r, rm_field(in), size);
    case X86_FROM_G: return general(r, reg_field(in), size);
    case X86_FROM_B: return general(r, in->vvvv, size);
    case X86_FROM_Z: return general(r, (in->opcode & 7) | (in->rex & REX_B ? 8 : 0), size);
    case X86_FROM_FIXED: return general(r, c->reg, size);
    case X86_FROM_X:
    case X86_FROM_Y: return (struct x86_operand){X86_OPND_NONE, 0, size, false};
    case X86_FROM_S:
    case X86_FROM_SEG:
    case X86_FROM_C:
    case X86_FROM_D:
    case X86_FROM_ST: return read_system(r, c, size);
    case X86_FROM_V:
    case X86_FROM_W:
    case X86_FROM_U:
    case X86_FROM_H:
    case X86_FROM_L:
    case X86_FROM_P:
    case X86_FROM_Q:
    case X86_FROM_N: return read_vector(r, c, size);
    }
    return read_constant(r, c, size);
}

static bool lock_is_legal(const struct reader *r)
{
    const struct x86_insn *in = r->in;
    if (in->row->flags & X86_R_LOCK_CR)
        return has_feature(r, X86_F_CR8LEGACY);
    return (in->row->flags & X86_R_LOCK) && in->op[0].kind == X86_OPND_MEM;
}

/* VEX.vvvv must be 1111 where nothing uses it. */
static bool vvvv_is_legal(const struct reader *r)
{
    if (!r->in->has_vex)
        return true;
    for (unsigned i = 0; i < r->in->nops; i++) {
        unsigned from = r->in->row->op[i].from;
        if (from == X86_FROM_B || from == X86_FROM_H)
            return true;
    }
    return r->in->vvvv == 0;
}

/* Moves of control and debug registers have no memory form, whatever ModRM.mod says. */
static bool ignores_mod(const struct reader *r)
{
    return r->map == MAP_0F && (r->in->opcode & 0xfc) == 0x20;
}

static bool has_modrm(const struct reader *r)
{
    const struct x86_opcode_rows *cell = &x86_opcodes[r->map][r->in->opcode];
    return x86_rows[cell->first].flags & X86_R_MODRM;
}

static enum x86_decoded finish(struct reader *r)
{
    struct x86_insn *in = r->in;
    in->opsize = operand_size(r);
    in->nops = in->row->nops;
    for (unsigned i = 0; i < in->nops; i++)
        in->op[i] = read_operand(r, &in->row->op[i]);
    if (r->state == X86_DECODED && ((in->has_lock && !lock_is_legal(r)) || !vvvv_is_legal(r)))
        r->state = X86_UNDEFINED;
    return r->state;
}

enum x86_decoded x86_decode(const struct x86_decoder *how, struct x86_insn *insn)
{
    struct reader r = {.how = how, .in = insn, .state = X86_DECODED};
    memset(insn, 0, sizeof(*insn));
    insn->base = insn->index = insn->sib_index = X86_NO_REG;
    insn->seg = X86_DS;
    insn->opcode = read_opcode(&r);
    set_address_size(&r);
    if (r.state != X86_DECODED)
        return r.state;
    if (r.bad || !x86_opcodes[r.map][insn->opcode].n)
        return X86_UNDEFINED;
    if (has_modrm(&r)) {
        insn->has_modrm = true;
        insn->modrm = next(&r);
        read_modrm(&r, ignores_mod(&r));
    }
    if (r.state != X86_DECODED)
        return r.state;
    insn->map = r.map & 3;
    insn->prefix = prefix_of(&r);
    insn->row = find_row(&r);
    return insn->row ? finish(&r) : X86_UNDEFINED;
}

/* ---- names ---- */

struct code {
    const uint8_t *bytes;
    unsigned len;
};

static bool fetch_code(void *opaque, unsigned n, uint8_t *byte)
{
    const struct code *c = opaque;
    if (n >= c->len)
        return false;
    *byte = c->bytes[n];
    return true;
}

const char *x86_decode_name(const struct x86_cpu *cpu, uint32_t mode, const uint8_t *bytes,
                            unsigned len, unsigned *size)
{
    struct code c = {bytes, len};
    struct x86_decoder how = {
        .fetch = fetch_code, .opaque = &c, .mode = mode, .features = cpu->features};
    struct x86_insn insn;
    if (x86_decode(&how, &insn) != X86_DECODED)
        return NULL;
    *size = insn.len;
    return insn.row->name;
}
