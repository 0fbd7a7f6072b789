/* Registers, and the target description made from the vCPU's table.  Ref: GDB manual, E.2 (g, G, p,
 * P) and G (target descriptions). */
#include "gdbstub/gdb_priv.h"

static const struct debug_regs *regs_of(struct gdb_server *g)
{
    return g->cpu->ops->debug_regs(g->cpu);
}

static size_t bytes_of(const struct debug_reg *reg)
{
    return MIN((reg->bits + 7u) / 8, (unsigned)DEBUG_MAX_REG_BYTES);
}

/* Those that are not there now read as "unavailable". */
static void append_value(struct gdb_server *g, const struct debug_reg *reg)
{
    uint8_t buf[DEBUG_MAX_REG_BYTES] = {0};

    if (debug_reg_read(g->cpu, reg, buf)) {
        gdb_append_hex(g->reply, buf, bytes_of(reg));
        return;
    }
    for (size_t i = 0; i < bytes_of(reg); i++)
        g_string_append(g->reply, "xx");
}

/* Value from digits; with "xx" the register keeps what it has. */
static bool set_value(struct gdb_server *g, const struct debug_reg *reg, const char *digits)
{
    uint8_t buf[DEBUG_MAX_REG_BYTES] = {0};

    if (digits[0] == 'x')
        return true;
    return gdb_decode_hex(digits, buf, bytes_of(reg)) && debug_reg_write(g->cpu, reg, buf);
}

void gdb_read_general(struct gdb_server *g)
{
    const struct debug_regs *r = regs_of(g);

    for (size_t i = 0; i < r->ngeneral; i++)
        append_value(g, &r->reg[i]);
}

/* A client may send fewer registers than there are. */
void gdb_write_general(struct gdb_server *g, const char *args)
{
    const struct debug_regs *r = regs_of(g);

    for (size_t i = 0; i < r->ngeneral && *args; i++) {
        if (!set_value(g, &r->reg[i], args)) {
            gdb_error(g, GDB_EINVAL);
            return;
        }
        for (size_t n = 2 * bytes_of(&r->reg[i]); n && *args; n--)
            args++;
    }
    gdb_ok(g);
}

/* The register with the number that comes, or NULL and an error. */
static const struct debug_reg *find_register(struct gdb_server *g, const char **args)
{
    const struct debug_regs *r = regs_of(g);
    uint64_t n;

    if (gdb_parse_hex(args, &n) && n < r->nregs)
        return &r->reg[n];
    gdb_error(g, GDB_EINVAL);
    return NULL;
}

void gdb_read_register(struct gdb_server *g, const char *args)
{
    const struct debug_reg *reg = find_register(g, &args);

    if (reg)
        append_value(g, reg);
}

void gdb_write_register(struct gdb_server *g, const char *args)
{
    const struct debug_reg *reg = find_register(g, &args);

    if (!reg)
        return;
    if (gdb_skip(&args, '=') && set_value(g, reg, args))
        gdb_ok(g);
    else
        gdb_error(g, GDB_EINVAL);
}

static void append_register(GString *xml, const struct debug_reg *reg, size_t number)
{
    g_string_append_printf(xml, "<reg name=\"%s\" bitsize=\"%u\" regnum=\"%zu\" type=\"%s\"",
                           reg->name, reg->bits, number, reg->type);
    if (reg->group)
        g_string_append_printf(xml, " group=\"%s\"", reg->group);
    g_string_append(xml, "/>\n");
}

static void append_feature(GString *xml, const struct debug_regs *r, size_t feature)
{
    const struct debug_feature *f = &r->feature[feature];
    bool open = false;

    for (size_t i = 0; i < r->nregs; i++) {
        if (r->reg[i].feature != feature)
            continue;
        if (!open)
            g_string_append_printf(xml, "<feature name=\"%s\">\n%s\n", f->name,
                                   f->types ? f->types : "");
        open = true;
        append_register(xml, &r->reg[i], i);
    }
    if (open)
        g_string_append(xml, "</feature>\n");
}

GString *gdb_target_xml(struct gdb_server *g)
{
    const struct debug_regs *r = regs_of(g);
    GString *xml = g_string_new("<?xml version=\"1.0\"?>\n"
                                "<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
                                "<target version=\"1.0\">\n");

    g_string_append_printf(xml, "<architecture>%s</architecture>\n", r->arch);
    for (size_t i = 0; i < r->nfeatures; i++)
        append_feature(xml, r, i);
    g_string_append(xml, "</target>\n");
    return xml;
}
