/* Integer expressions on HMP lines: C's operators and precedence, numbers in C's bases, characters
 * in single quotes, $pc. */
#include "monitor/command_priv.h"

#include "core/debug.h"
#include "core/machine.h"
#include "util/bits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NESTING = 32 };

struct expr {
    struct mon_call *c;
    const char *p;
    unsigned depth;
    struct error **errp;
};

static bool binary(struct expr *e, unsigned level, uint64_t *out);

static void skip_blanks(struct expr *e)
{
    e->p += strspn(e->p, " \t");
}

static bool number(struct expr *e, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = g_ascii_strtoull(e->p, &end, 0);
    if (errno == ERANGE) {
        error_set(e->errp, "number too large: '%s'", e->p);
        return false;
    }
    if (end == e->p || g_ascii_isalnum(*end)) {
        error_set(e->errp, "wanted a number, found '%s'", e->p);
        return false;
    }
    e->p = end;
    return true;
}

static bool character(struct expr *e, uint64_t *out)
{
    if (!e->p[1] || e->p[2] != '\'') {
        error_set(e->errp, "wanted a character in quotes, found %s", e->p);
        return false;
    }
    *out = (unsigned char)e->p[1];
    e->p += 3;
    return true;
}

static bool reg(struct expr *e, uint64_t *out)
{
    const char *name = e->p + 1;
    size_t n = 0;

    while (g_ascii_isalnum(name[n]) || name[n] == '_')
        n++;
    g_autofree char *text = g_strndup(name, n);
    if (!e->c->cpu) {
        error_set(e->errp, "$%s: the machine has no CPU", text);
        return false;
    }
    if (!mon_register(e->c->cpu, text, out)) {
        error_set(e->errp, "no register is named '%s'", text);
        return false;
    }
    e->p = name + n;
    return true;
}

static bool primary(struct expr *e, uint64_t *out)
{
    skip_blanks(e);
    switch (*e->p) {
    case '\'': return character(e, out);
    case '$': return reg(e, out);
    case '(':
        e->p++;
        if (!binary(e, 0, out))
            return false;
        skip_blanks(e);
        if (*e->p != ')') {
            error_set(e->errp, "')' is missing");
            return false;
        }
        e->p++;
        return true;
    default: return number(e, out);
    }
}

static bool unary(struct expr *e, uint64_t *out)
{
    skip_blanks(e);
    char op = *e->p;
    if (op != '-' && op != '+' && op != '~')
        return primary(e, out);
    if (++e->depth > MAX_NESTING) {
        error_set(e->errp, "the expression is nested too deep");
        return false;
    }
    e->p++;
    if (!unary(e, out))
        return false;
    e->depth--;
    *out = op == '-' ? -*out : op == '~' ? ~*out : *out;
    return true;
}

/* From the weakest to the strongest. */
static const char *const levels[] = {"|", "^", "&", "+-", "*/%"};

static bool apply(struct expr *e, char op, uint64_t *a, uint64_t b)
{
    if ((op == '/' || op == '%') && !b) {
        error_set(e->errp, "division by zero");
        return false;
    }
    switch (op) {
    case '|': *a |= b; break;
    case '^': *a ^= b; break;
    case '&': *a &= b; break;
    case '+': *a += b; break;
    case '-': *a -= b; break;
    case '*': *a *= b; break;
    case '/': *a /= b; break;
    default: *a %= b; break;
    }
    return true;
}

/* "16 /tmp/file": the number ends here. */
static bool is_path(const char *end, const char *op)
{
    return *op == '/' && op > end && op[1] != ' ';
}

static bool chain(struct expr *e, unsigned level, uint64_t *out)
{
    if (!binary(e, level + 1, out))
        return false;
    for (;;) {
        uint64_t right;
        const char *end = e->p;
        skip_blanks(e);
        char op = *e->p;
        if (!op || !strchr(levels[level], op) || is_path(end, e->p))
            return true;
        e->p++;
        if (!binary(e, level + 1, &right) || !apply(e, op, out, right))
            return false;
    }
}

static bool binary(struct expr *e, unsigned level, uint64_t *out)
{
    if (level == ARRAY_SIZE(levels))
        return unary(e, out);
    if (level == 0 && ++e->depth > MAX_NESTING) {
        error_set(e->errp, "the expression is nested too deep");
        return false;
    }
    bool ok = chain(e, level, out);
    e->depth -= level == 0;
    return ok;
}

bool mon_eval(struct mon_call *c, const char **p, int64_t *out, struct error **errp)
{
    struct expr e = {.c = c, .p = *p, .errp = errp};
    uint64_t value;

    if (!binary(&e, 0, &value))
        return false;
    *p = e.p;
    *out = (int64_t)value;
    return true;
}

static const struct debug_reg *find_register(struct cpu *cpu, const char *name)
{
    const struct debug_regs *regs = cpu->ops->debug_regs ? cpu->ops->debug_regs(cpu) : NULL;

    for (size_t i = 0; regs && i < regs->nregs; i++)
        if (!strcmp(regs->reg[i].name, name))
            return &regs->reg[i];
    return NULL;
}

bool mon_register(struct cpu *cpu, const char *name, uint64_t *out)
{
    const struct debug_reg *reg = find_register(cpu, name);
    uint8_t buf[DEBUG_MAX_REG_BYTES] = {0};

    bool is_pc = !reg && !strcmp(name, "pc");
    if (!is_pc && (!reg || reg->bits > 64))
        return false;
    machine_pause(cpu->machine);
    if (is_pc) /* where x86 processors are: no register of theirs */
        st_le64(buf, cpu->ops->get_pc(cpu));
    bool ok = is_pc || debug_reg_read(cpu, reg, buf);
    machine_resume(cpu->machine);
    memcpy(out, buf, sizeof(*out));
    return ok;
}
