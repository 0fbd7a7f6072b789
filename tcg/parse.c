/* The text form of IR, in.  Ref: docs/tcg.md.  It is read from tests and by hand: every mistake
 * gets one line. */
#include "tcg/ir_priv.h"
#include "tcg/text.h"
#include "util/bits.h"

#include <ctype.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORD = 48, NO_BLOCK = UINT32_MAX };

struct parser {
    struct ir *ir;
    const struct ir_parse_opts *o;
    const char *p;
    unsigned line;
    struct error **errp;
    ir_val vals[IR_MAX_OPS];        /* by the text's numbers */
    uint32_t blocks[IR_MAX_BLOCKS]; /* by the text's numbers */
    char word[MAX_WORD];            /* the last one read */
};

static void skip_blanks(struct parser *s)
{
    while (*s->p == ' ' || *s->p == '\t' || *s->p == '\r')
        s->p++;
    if (*s->p == '#')
        s->p += strcspn(s->p, "\n");
}

static bool accept(struct parser *s, char c)
{
    skip_blanks(s);
    if (*s->p != c)
        return false;
    s->p++;
    return true;
}

/* What the parser stopped at, for messages. */
static const char *here(struct parser *s)
{
    size_t n = strcspn(s->p, "\n;");
    if (!n)
        return "the end of the op";
    g_strlcpy(s->word, s->p, n + 1 < MAX_WORD ? n + 1 : MAX_WORD);
    return s->word;
}

static bool expect(struct parser *s, char c)
{
    if (accept(s, c))
        return true;
    error_set(s->errp, "line %u: wanted '%c', found %s", s->line, c, here(s));
    return false;
}

/* Letters, digits and '_' into s->word; false if there are none. */
static bool read_word(struct parser *s)
{
    skip_blanks(s);
    size_t n = 0;
    while (isalnum((unsigned char)s->p[n]) || s->p[n] == '_')
        n++;
    if (!n || n >= MAX_WORD)
        return false;
    g_strlcpy(s->word, s->p, n + 1);
    s->p += n;
    return true;
}

static bool unknown(struct parser *s, const char *what, const char *const *names)
{
    const char *near = nearest_name(s->word, names);
    error_set(s->errp, "line %u: unknown %s '%s'%s%s%s", s->line, what, s->word,
              near ? " (nearest is '" : "", near ? near : "", near ? "')" : "");
    return false;
}

static int find_name(const char *const *names, const char *word)
{
    for (int i = 0; names[i]; i++)
        if (!strcmp(names[i], word))
            return i;
    return -1;
}

static bool read_number(struct parser *s, uint64_t *v)
{
    skip_blanks(s);
    char *end;
    bool negative = *s->p == '-';
    const char *p = s->p + negative;
    if (!isdigit((unsigned char)*p)) {
        error_set(s->errp, "line %u: wanted a number, found %s", s->line, here(s));
        return false;
    }
    uint64_t n = strtoull(p, &end, 0);
    *v = negative ? -n : n;
    s->p = end;
    return true;
}

static bool read_type(struct parser *s, enum ir_type *t)
{
    int n = read_word(s) ? find_name(ir_type_names, s->word) : -1;
    if (n < I32 || n > V256)
        return unknown(s, "type", ir_type_names);
    *t = n;
    return true;
}

/* 1.5, -2e10, inf, nan, snan, or the bit pattern. */
static bool read_float(struct parser *s, enum ir_type t, uint64_t *bits)
{
    static const uint64_t snan[] = {[F32] = 0x7fa00000, [F64] = UINT64_C(0x7ff4000000000000)};
    static const uint64_t qnan[] = {[F32] = 0x7fc00000, [F64] = UINT64_C(0x7ff8000000000000)};
    size_t n = strspn(s->p, "+-0123456789.einfasx");
    if (!strncmp(s->p, "snan", 4) || !strncmp(s->p, "nan", 3)) {
        *bits = *s->p == 's' ? snan[t] : qnan[t];
        s->p += *s->p == 's' ? 4 : 3;
        return true;
    }
    if (!memchr(s->p, '.', n) && !memchr(s->p, 'i', n))
        return read_number(s, bits);
    char *end;
    double d = strtod(s->p, &end);
    float f = d;
    uint32_t f_bits;
    memcpy(bits, &d, sizeof(d));
    memcpy(&f_bits, &f, sizeof(f));
    if (t == F32)
        *bits = f_bits;
    s->p = end;
    return true;
}

/* A constant: number[:type]. */
static bool read_const(struct parser *s, enum ir_type t, ir_val *v)
{
    uint64_t bits;
    const char *suffix = s->p + strcspn(s->p, ":,;)\n");
    if (*suffix == ':') {
        const char *start = s->p;
        s->p = suffix + 1;
        if (!read_type(s, &t))
            return false;
        suffix = s->p;
        s->p = start;
    } else {
        suffix = NULL;
    }
    bool ok = t == F32 || t == F64 ? read_float(s, t, &bits) : read_number(s, &bits);
    if (!ok)
        return false;
    if (suffix && *s->p != ':') {
        error_set(s->errp, "line %u: wanted ':', found %s", s->line, here(s));
        return false;
    }
    s->p = suffix ? suffix : s->p;
    *v = ir_const(s->ir, t, bits);
    return true;
}

static bool read_ref(struct parser *s, unsigned *n)
{
    uint64_t v;
    if (!read_number(s, &v))
        return false;
    if (v >= IR_MAX_OPS) {
        error_set(s->errp, "line %u: %%%llu: numbers end at %d", s->line, (unsigned long long)v,
                  IR_MAX_OPS - 1);
        return false;
    }
    *n = v;
    return true;
}

static bool read_value(struct parser *s, enum ir_type t, ir_val *v)
{
    unsigned n;
    if (!accept(s, '%'))
        return read_const(s, t, v);
    if (!read_ref(s, &n))
        return false;
    if (*s->p == ':') {
        s->p++;
        if (!read_type(s, &t))
            return false;
    }
    if (s->vals[n].id == IR_NONE.id && s->o->free_value)
        s->vals[n] = s->o->free_value(s->ir, n, t);
    *v = s->vals[n];
    if (v->id == IR_NONE.id)
        error_set(s->errp, "line %u: %%%u is not defined", s->line, n);
    return v->id != IR_NONE.id;
}

static bool unknown_part(struct parser *s, const struct ir_word_name *n)
{
    const char *names[32] = {NULL};
    for (unsigned i = 0; n[i].name && i + 1 < G_N_ELEMENTS(names); i++)
        names[i] = n[i].name;
    return unknown(s, "attribute", names);
}

/* name+name+...; a plain number is added as it is. */
static bool read_names(struct parser *s, const struct ir_word_name *table, uint32_t *word)
{
    *word = 0;
    do {
        uint64_t number;
        skip_blanks(s);
        if (isdigit((unsigned char)*s->p)) {
            if (!read_number(s, &number))
                return false;
            *word |= number;
            continue;
        }
        const struct ir_word_name *n = table;
        if (!read_word(s))
            s->word[0] = 0;
        while (n->name && strcmp(n->name, s->word))
            n++;
        if (!n->name)
            return unknown_part(s, table);
        *word = (*word & ~n->mask) | n->value;
    } while (accept(s, '+'));
    return true;
}

static bool read_field(struct parser *s, uint32_t *attr)
{
    uint64_t lsb, len;
    if (!read_number(s, &lsb) || !expect(s, ',') || !read_number(s, &len))
        return false;
    if (lsb > 63 || len < 1 || len > 64 - lsb) {
        error_set(s->errp, "line %u: no field of %llu bits at %llu", s->line,
                  (unsigned long long)len, (unsigned long long)lsb);
        return false;
    }
    *attr = lsb | len << 8;
    return true;
}

static bool read_block_id(struct parser *s, uint32_t *blk)
{
    char *end = NULL;
    unsigned long n = read_word(s) && s->word[0] == 'b' ? strtoul(s->word + 1, &end, 10) : 0;
    if (!end || end == s->word + 1 || *end || n >= IR_MAX_BLOCKS) {
        error_set(s->errp, "line %u: wanted a block, b0 to b%d", s->line, IR_MAX_BLOCKS - 1);
        return false;
    }
    if (s->blocks[n] == NO_BLOCK && s->ir->nblocks == IR_MAX_BLOCKS) {
        error_set(s->errp, "line %u: more than %d blocks", s->line, IR_MAX_BLOCKS);
        return false;
    }
    if (s->blocks[n] == NO_BLOCK)
        s->blocks[n] = ir_block_new(s->ir);
    *blk = s->blocks[n];
    return true;
}

static bool read_slot(struct parser *s, uint32_t *slot)
{
    const char *names[IR_MAX_SLOTS + 1] = {NULL};
    for (unsigned i = 0; i < s->ir->nslots; i++)
        names[i] = s->ir->slots[i].name;
    int n = read_word(s) ? find_name(names, s->word) : -1;
    if (n < 0)
        return unknown(s, "slot", names);
    *slot = n;
    return true;
}

static bool read_cc(struct parser *s, struct ir_op *op)
{
    int cc = read_word(s) ? find_name(ir_cc_names, s->word) : -1;
    if (cc < 0)
        return unknown(s, "comparison", ir_cc_names);
    if ((op->opc == OP_fcmp) != (cc >= IR_FEQ)) {
        error_set(s->errp, "line %u: %s cannot compare by '%s'", s->line, ir_desc(op)->name,
                  s->word);
        return false;
    }
    op->cc = cc;
    return true;
}

static bool read_attr_word(struct parser *s, struct ir_op *op)
{
    enum ir_attr_text kind = ir_attr_text(op->opc);
    uint64_t n;
    if (kind == IR_TEXT_SLOT)
        return read_slot(s, &op->attr);
    if (kind == IR_TEXT_FIELD)
        return read_field(s, &op->attr);
    if (ir_word_names(kind))
        return read_names(s, ir_word_names(kind), &op->attr);
    if (!read_number(s, &n))
        return false;
    op->attr = n;
    return true;
}

static bool read_attr(struct parser *s, struct ir_op *op, enum ir_attr_kind kind)
{
    switch (kind) {
    case IR_ATTR_CC: return read_cc(s, op);
    case IR_ATTR_ATTR: return read_attr_word(s, op);
    case IR_ATTR_IMM: return read_number(s, &op->imm);
    case IR_ATTR_IMM2: return read_number(s, &op->imm2);
    case IR_ATTR_BLK: return read_block_id(s, &op->attr);
    case IR_ATTR_BLK2: return read_block_id(s, &op->blk2);
    case IR_ATTR_NONE: break;
    }
    return true;
}

/* The type argument n should have: from the op, or from an earlier argument of the same type
 * variable. */
static enum ir_type wanted_type(struct parser *s, const struct ir_op *op, unsigned n)
{
    const struct ir_op_desc *d = ir_desc(op);
    enum ir_type t = ir_arg_type(s->ir, op, n);
    for (unsigned i = 0; i < n && t == IR_VOID; i++)
        if (d->args[i] == d->args[n])
            t = ir_type_of(s->ir, op->arg[i]);
    return t;
}

static bool read_arg(struct parser *s, struct ir_op *op, unsigned n)
{
    enum ir_type t = wanted_type(s, op, n), assumed = ir_desc(op)->args[n] == IR_SIG_FP ? F64 : I64;
    if (!read_value(s, t == IR_VOID ? assumed : t, &op->arg[n]))
        return false;
    enum ir_type found = ir_type_of(s->ir, op->arg[n]);
    bool fp_wanted = ir_desc(op)->args[n] == IR_SIG_FP, fp_found = found == F32 || found == F64;
    bool ok =
        t != IR_VOID ? found == t : ir_desc(op)->args[n] == IR_SIG_ANY || fp_found == fp_wanted;
    if (!ok)
        error_set(s->errp, "line %u: argument %u of %s has type %s%s%s", s->line, n + 1,
                  ir_desc(op)->name, ir_type_names[found], t != IR_VOID ? ", wanted " : "",
                  t != IR_VOID ? ir_type_names[t] : "");
    return ok;
}

/* An op without a suffix has the type of its first variable operand. */
static void infer_type(struct parser *s, struct ir_op *op)
{
    const struct ir_op_desc *d = ir_desc(op);
    if (d->result != IR_VOID && d->result < IR_SIG_INT)
        op->type = d->result;
    for (unsigned i = 0; i < d->nargs && op->type == IR_VOID; i++)
        if (d->args[i] >= IR_SIG_INT && (d->result == IR_VOID || d->args[i] == d->result))
            op->type = ir_type_of(s->ir, op->arg[i]);
}

static bool read_operands(struct parser *s, struct ir_op *op)
{
    const struct ir_op_desc *d = ir_desc(op);
    bool first = true;
    for (unsigned i = 0; i < d->nargs; i++, first = false)
        if ((!first && !expect(s, ',')) || !read_arg(s, op, i))
            return false;
    infer_type(s, op);
    for (unsigned i = 0; i < d->nattrs; i++, first = false) {
        bool is_exit = op->opc == OP_exit_jump || op->opc == OP_exit_ind;
        skip_blanks(s);
        if (is_exit && d->attrs[i] == IR_ATTR_IMM2 && *s->p != ',')
            return true;
        if ((!first && !expect(s, ',')) || !read_attr(s, op, d->attrs[i]))
            return false;
    }
    return true;
}

static bool parse_set(struct parser *s)
{
    struct ir_op op = {.opc = OP_set};
    if (!read_slot(s, &op.attr) || !expect(s, ',') || !read_arg(s, &op, 0))
        return false;
    ir_set(s->ir, op.attr, op.arg[0]);
    return true;
}

static bool parse_get(struct parser *s, ir_val *v)
{
    uint32_t slot;
    if (!read_slot(s, &slot))
        return false;
    *v = ir_get(s->ir, slot);
    return true;
}

static const struct ir_helper *find_helper(struct parser *s)
{
    const struct ir_helper *const *h = s->o->helpers;
    if (!read_word(s))
        s->word[0] = 0;
    for (; h && *h; h++)
        if (!strcmp((*h)->name, s->word))
            return *h;
    error_set(s->errp, "line %u: unknown helper '%s'", s->line, s->word);
    return NULL;
}

/* reads(slot, ...) */
static bool read_slots(struct parser *s, const char *what, struct ir_slot_set *set)
{
    uint32_t slot;
    *set = ir_slots_none();
    if (!read_word(s) || strcmp(s->word, what)) {
        error_set(s->errp, "line %u: wanted %s(", s->line, what);
        return false;
    }
    if (!expect(s, '('))
        return false;
    if (accept(s, ')'))
        return true;
    do {
        if (!read_slot(s, &slot))
            return false;
        *set = ir_slots_add(*set, slot);
    } while (accept(s, ','));
    return expect(s, ')');
}

static bool parse_call(struct parser *s, ir_val *v)
{
    const struct ir_helper *h = find_helper(s);
    ir_val args[G_N_ELEMENTS(h->args)];
    struct ir_slot_set reads, writes;
    if (!h || !expect(s, '('))
        return false;
    for (unsigned i = 0; i < h->nargs; i++) {
        if ((i && !expect(s, ',')) || !read_value(s, h->args[i], &args[i]))
            return false;
        if (ir_type_of(s->ir, args[i]) != h->args[i]) {
            error_set(s->errp, "line %u: argument %u of %s is not %s", s->line, i + 1, h->name,
                      ir_type_names[h->args[i]]);
            return false;
        }
    }
    if (!expect(s, ')'))
        return false;
    if (!(h->flags & HELPER_SLOTS)) {
        *v = ir_call(s->ir, h, args);
        return true;
    }
    if (!read_slots(s, "reads", &reads) || !read_slots(s, "writes", &writes))
        return false;
    *v = ir_call_slots(s->ir, h, args, reads, writes);
    return true;
}

static int find_op(const char *name)
{
    for (int i = 0; i < OP_COUNT; i++)
        if (!strcmp(ir_op_descs[i].name, name))
            return i;
    return -1;
}

static bool unknown_op(struct parser *s)
{
    const char *names[OP_COUNT + 1] = {NULL};
    for (int i = 0; i < OP_COUNT; i++)
        names[i] = ir_op_descs[i].name;
    return unknown(s, "op", names);
}

static bool parse_op(struct parser *s, ir_val *v)
{
    int opc = find_op(s->word);
    if (opc < 0)
        return unknown_op(s);
    if (opc == OP_set)
        return parse_set(s);
    if (opc == OP_get)
        return parse_get(s, v);
    if (opc == OP_call)
        return parse_call(s, v);
    struct ir_op op = {.opc = opc, .arg = {IR_NONE, IR_NONE, IR_NONE, IR_NONE}};
    enum ir_type t = IR_VOID;
    if (*s->p == '.' && s->p++ && !read_type(s, &t))
        return false;
    op.type = t;
    if (ir_op_descs[opc].result == IR_SIG_GIVEN && op.type == IR_VOID) {
        error_set(s->errp, "line %u: %s needs a type, as in %s.i64", s->line, s->word, s->word);
        return false;
    }
    if (!read_operands(s, &op))
        return false;
    *v = ir_emit(s->ir, &op);
    return true;
}

static bool parse_block(struct parser *s)
{
    uint32_t blk;
    if (!read_block_id(s, &blk))
        return false;
    if (blk == 0 && s->ir->nops == 0)
        return true;
    if (!s->ir->ended || s->ir->blocks[blk].begun) {
        error_set(s->errp, "line %u: block %s %s", s->line, s->word,
                  s->ir->ended ? "begins twice" : "follows one that has not ended");
        return false;
    }
    ir_block_begin(s->ir, blk);
    return true;
}

static bool parse_ret(struct parser *s)
{
    ir_val v;
    if (!read_value(s, I64, &v))
        return false;
    s->o->ret(s->ir, v);
    return true;
}

static bool parse_named(struct parser *s, ir_val *v)
{
    if (!read_word(s)) {
        error_set(s->errp, "line %u: wanted an op, found %s", s->line, here(s));
        return false;
    }
    if (!strcmp(s->word, "block"))
        return parse_block(s);
    if (!strcmp(s->word, "ret") && s->o->ret)
        return parse_ret(s);
    return parse_op(s, v);
}

static bool parse_statement(struct parser *s)
{
    unsigned n = 0;
    ir_val v = IR_NONE;
    bool has_result = accept(s, '%');
    if (has_result && (!read_ref(s, &n) || !expect(s, '=')))
        return false;
    if (!parse_named(s, &v))
        return false;
    if (has_result && v.id == IR_NONE.id) {
        error_set(s->errp, "line %u: %%%u: the op has no result", s->line, n);
        return false;
    }
    if (has_result)
        s->vals[n] = v;
    return true;
}

static bool parse_unit(struct parser *s)
{
    for (;;) {
        skip_blanks(s);
        if (!*s->p)
            break;
        if (*s->p == '\n')
            s->line++;
        if (*s->p == '\n' || *s->p == ';') {
            s->p++;
            continue;
        }
        if (ir_full(s->ir)) {
            error_set(s->errp, "line %u: the unit is too large", s->line);
            return false;
        }
        if (!parse_statement(s))
            return false;
        skip_blanks(s);
        if (*s->p && *s->p != '\n' && *s->p != ';') {
            error_set(s->errp, "line %u: junk after the op: %s", s->line, here(s));
            return false;
        }
    }
    return true;
}

bool ir_parse(struct ir *ir, const char *text, const struct ir_parse_opts *o, struct error **errp)
{
    static const struct ir_parse_opts none;
    struct parser *s = g_new0(struct parser, 1);
    *s = (struct parser){.ir = ir, .o = o ? o : &none, .p = text, .line = 1, .errp = errp};
    for (unsigned i = 0; i < IR_MAX_OPS; i++)
        s->vals[i] = IR_NONE;
    for (unsigned i = 1; i < IR_MAX_BLOCKS; i++)
        s->blocks[i] = NO_BLOCK;
    ir->no_fold = s->o->no_fold;
    ir_begin(ir);
    bool ok = parse_unit(s);
    const char *wrong = ok ? ir_verify(ir) : NULL;
    if (wrong)
        error_set(errp, "%s", wrong);
    g_free(s);
    return ok && !wrong;
}

void ir_set_folding(struct ir *ir, bool on)
{
    ir->no_fold = !on;
}

ir_val ir_build(struct ir *ir, const struct ir_op *op)
{
    return ir_emit(ir, op);
}

const struct ir_op *ir_op_at(const struct ir *ir, ir_val v)
{
    return &ir->ops[v.id];
}
