/* The text form of IR: names of attributes, the parser, and printing with dense numbers. */
#ifndef TCG_TEXT_H
#define TCG_TEXT_H

#include "tcg/ir.h"
#include "util/error.h"

/* What the attr word of an op means in text. */
enum ir_attr_text {
    IR_TEXT_NUMBER,
    IR_TEXT_SLOT,
    IR_TEXT_MEMOP,
    IR_TEXT_FIELD, /* lsb, len */
    IR_TEXT_ROUND,
    IR_TEXT_NAN,
    IR_TEXT_FENCE,
    IR_TEXT_HINT,
    IR_TEXT_BLOCK,
};
enum ir_attr_text ir_attr_text(unsigned opc);

/* Names joined by '+': those with a mask of their own, each set when (word & mask) == value. */
struct ir_word_name {
    const char *name;
    uint32_t value, mask;
};
/* The table of a kind of attribute word (ended by a NULL name), or NULL for plain numbers. */
const struct ir_word_name *ir_word_names(enum ir_attr_text kind);

extern const char *const ir_type_names[]; /* indexed by enum ir_type, NULL-terminated */
extern const char *const ir_cc_names[];   /* indexed by enum ir_cc, NULL-terminated */

/* As ir_print(), but values are numbered in the order in which they are printed, whatever was
 * removed between them. */
void ir_print_dense(const struct ir *ir, FILE *f);

/* For tools: whether constructors fold (they do), building an op from its description, looking at
 * one. */
void ir_set_folding(struct ir *ir, bool on);
ir_val ir_build(struct ir *ir, const struct ir_op *op);
const struct ir_op *ir_op_at(const struct ir *ir, ir_val v);

struct ir_parse_opts {
    bool no_fold;                           /* build exactly what is written */
    const struct ir_helper *const *helpers; /* NULL-terminated; may be NULL */
    /* A %n that nothing has defined: a value of the type, or IR_NONE.  May be NULL. */
    ir_val (*free_value)(struct ir *ir, unsigned n, enum ir_type type);
    /* Called for "ret %n".  May be NULL. */
    void (*ret)(struct ir *ir, ir_val v);
};
/* Begin the unit anew and build what text says: ops separated by newlines or ';'.  False: *errp has
 * the line and cause. */
bool ir_parse(struct ir *ir, const char *text, const struct ir_parse_opts *o,
              struct error **errp) MUST_CHECK;
/* The type that argument n of an op must have, from the op's type alone; IR_VOID when that does not
 * say it. */
enum ir_type ir_arg_type(const struct ir *ir, const struct ir_op *op, unsigned n);

#endif
