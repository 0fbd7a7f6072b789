#!/usr/bin/env python3
"""Make the IR's op enum, op table and typed constructors from tcg/ops.def (whose head describes its columns).

  opsgen.py ops.def --outdir DIR      writes DIR/ops.h, DIR/build.h, DIR/build.c
  opsgen.py ops.def --markdown        prints the table of docs/tcg.md
"""
import argparse
import os
import re
import sys

TYPES = {"-": "IR_VOID", "I32": "I32", "I64": "I64", "F32": "F32", "F64": "F64", "V128": "V128", "V256": "V256",
         "i": "IR_SIG_INT", "f": "IR_SIG_FP", "x": "IR_SIG_ANY", "v": "IR_SIG_VEC", "R": "IR_SIG_GIVEN"}
VARIABLES = "ifxv"
ATTRS = {"cc": ("enum ir_cc", "cc", "IR_ATTR_CC"), "attr": ("uint32_t", "attr", "IR_ATTR_ATTR"),
         "imm": ("uint64_t", "imm", "IR_ATTR_IMM"), "imm2": ("uint64_t", "imm2", "IR_ATTR_IMM2"),
         "blk": ("unsigned", "attr", "IR_ATTR_BLK"), "blk2": ("unsigned", "blk2", "IR_ATTR_BLK2")}
FLAGS = ["pure", "fault", "load", "store", "exit", "side", "end", "call", "fp"]
# Constructors that are written by hand in ir.c, or that nobody may call.
BY_HAND = {"nop", "get", "set", "call"}
MAX_ARGS, MAX_ATTRS = 4, 3

FLAG_DOC = {
    "pure": "no effect but its result (and, with fp, sticky flags)",
    "fault": "may leave by exception",
    "load": "reads guest memory",
    "store": "writes guest memory",
    "exit": "leaves the unit",
    "side": "leaves only when taken",
    "end": "ends its block",
    "call": "calls a helper",
    "fp": "may raise sticky floating-point flags: not removable when unused, never folded",
}


class Op:
    def __init__(self, path, lineno, section, line):
        body, _, note = line.partition("#")
        cols = body.split()
        self.where = "%s:%d" % (path, lineno)
        if len(cols) < 5:
            self.fail("wanted NAME RESULT ARGUMENTS ATTRIBUTES FLAGS, found %d columns" % len(cols))
        self.name, self.result = cols[0], cols[1]
        self.args = [] if cols[2] == "-" else cols[2].split(",")
        self.attrs = [] if cols[3] == "-" else cols[3].split(",")
        self.flags = [f for f in cols[4:] if f != "-"]
        self.note, self.section = note.strip(), section
        self.check()

    def fail(self, why):
        sys.exit("%s: %s" % (self.where, why))

    def check(self):
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            self.fail("bad name '%s'" % self.name)
        for t in [self.result] + self.args:
            if t not in TYPES:
                self.fail("unknown type '%s'" % t)
        for a in self.attrs:
            if a not in ATTRS:
                self.fail("unknown attribute '%s' (one of %s)" % (a, " ".join(ATTRS)))
        for f in self.flags:
            if f not in FLAGS:
                self.fail("unknown flag '%s' (one of %s)" % (f, " ".join(FLAGS)))
        if len(self.args) > MAX_ARGS or len(self.attrs) > MAX_ATTRS:
            self.fail("at most %d arguments and %d attributes" % (MAX_ARGS, MAX_ATTRS))

    def type_expr(self):
        """C expression for op->type: the result's type, or for an op without one its first variable operand's."""
        if self.result == "R":
            return "result"
        var = self.result if self.result != "-" else next((t for t in self.args if t in VARIABLES), None)
        if var is None:
            return "IR_VOID"
        if var in TYPES and var not in VARIABLES:
            return var
        return "ir_val_type(ir, %s)" % "abcd"[self.args.index(var)]

    def prototype(self):
        params = ["struct ir *ir"] + (["enum ir_type result"] if self.result == "R" else [])
        params += ["ir_val %s" % "abcd"[n] for n in range(len(self.args))]
        params += ["%s %s" % (ATTRS[a][0], a) for a in self.attrs]
        ret = "void" if self.result == "-" else "ir_val"
        return "%s ir_%s(%s)" % (ret, self.name, ", ".join(params))

    def body(self):
        """Fill the next free op in place: a copy of an op that was just written would wait for its stores."""
        begin = "ir_op_begin(ir, OP_%s, %s);\n" % (self.name, self.type_expr())
        out = ["    %s%s" % ("struct ir_op *op = " if self.args or self.attrs else "", begin)]
        out += ["    op->arg[%d] = %s;\n" % (n, "abcd"[n]) for n in range(len(self.args))]
        out += ["    op->%s = %s;\n" % (ATTRS[a][1], a) for a in self.attrs]
        out.append("    %sir_op_commit(ir);\n" % ("" if self.result == "-" else "return "))
        return "".join(out)

    def row(self):
        args = ", ".join(TYPES[t] for t in self.args) or "0"
        attrs = ", ".join(ATTRS[a][2] for a in self.attrs) or "0"
        flags = " | ".join("IR_OP_%s" % f.upper() for f in self.flags) or "0"
        return '    [OP_%s] = {"%s", %s, %d, {%s}, %d, {%s}, %s},\n' % (
            self.name, self.name, TYPES[self.result], len(self.args), args, len(self.attrs), attrs, flags)


def read_ops(path):
    ops, section, seen = [], "", set()
    with open(path) as f:
        for n, line in enumerate(f, 1):
            m = re.match(r"# --- (.*?) -*$", line)
            if m:
                section = m.group(1).strip(" -")
            if not line.strip() or line.startswith("#"):
                continue
            op = Op(path, n, section, line.rstrip())
            if op.name in seen:
                op.fail("second row for '%s'" % op.name)
            seen.add(op.name)
            ops.append(op)
    return ops


def write_ops_h(ops):
    out = ["/* The IR's operations.  Generated by tools/opsgen.py from tcg/ops.def. */\n",
           "#ifndef TCG_OPS_H\n#define TCG_OPS_H\n\n#include <stdint.h>\n\n", "enum ir_opc {\n"]
    out += ["    OP_%s,\n" % op.name for op in ops]
    out += ["    OP_COUNT\n};\n\n", "enum ir_op_flag {\n"]
    out += ["    IR_OP_%s = %d, /* %s */\n" % (f.upper(), 1 << n, FLAG_DOC[f]) for n, f in enumerate(FLAGS)]
    out += ["};\n\n",
            "/* Type variables of a signature; smaller values are enum ir_type. */\n",
            "enum ir_sig { IR_SIG_INT = 16, IR_SIG_FP, IR_SIG_ANY, IR_SIG_VEC, IR_SIG_GIVEN };\n",
            "enum ir_attr_kind { IR_ATTR_NONE, IR_ATTR_CC, IR_ATTR_ATTR, IR_ATTR_IMM, IR_ATTR_IMM2, IR_ATTR_BLK, IR_ATTR_BLK2 };\n\n",
            "struct ir_op_desc {\n    const char *name;\n    uint8_t result; /* enum ir_type, or enum ir_sig */\n"
            "    uint8_t nargs, args[%d];\n    uint8_t nattrs, attrs[%d]; /* enum ir_attr_kind, in the order of the row */\n"
            "    uint32_t flags;\n};\n\n" % (MAX_ARGS, MAX_ATTRS),
            "extern const struct ir_op_desc ir_op_descs[OP_COUNT];\n\n#endif\n"]
    return "".join(out)


def write_build_h(ops):
    out = ["/* Typed constructors, one per IR op.  Generated by tools/opsgen.py from tcg/ops.def; included by tcg/ir.h. */\n",
           "#ifndef TCG_BUILD_H\n#define TCG_BUILD_H\n\n#include \"tcg/ir.h\"\n\n"]
    for op in ops:
        if op.name not in BY_HAND:
            note = "/* %s */\n" % op.note if op.note and "/*" not in op.note else ""
            out.append("%s%s;\n" % (note, op.prototype()))
    out.append("\n#endif\n")
    return "".join(out)


def write_build_c(ops):
    out = ["/* The op table and the typed constructors.  Generated by tools/opsgen.py from tcg/ops.def. */\n",
           '#include "tcg/ir_priv.h"\n\nconst struct ir_op_desc ir_op_descs[OP_COUNT] = {\n']
    out += [op.row() for op in ops]
    out.append("};\n")
    for op in ops:
        if op.name not in BY_HAND:
            out.append("\n%s\n{\n%s}\n" % (op.prototype(), op.body()))
    return "".join(out)


def markdown(ops):
    section = None
    for op in ops:
        if op.section != section:
            section = op.section
            print("\n### %s\n\n| op | result | arguments | attributes | flags | meaning |\n|---|---|---|---|---|---|" % section)
        print("| `%s` | %s | %s | %s | %s | %s |" % (
            op.name, op.result, ", ".join(op.args) or "-", ", ".join(op.attrs) or "-", " ".join(op.flags) or "-",
            op.note.replace("|", "\\|")))


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("table", help="tcg/ops.def")
    ap.add_argument("--outdir", help="directory to write ops.h, build.h and build.c to")
    ap.add_argument("--markdown", action="store_true", help="print the reference table instead")
    args = ap.parse_args()
    ops = read_ops(args.table)
    if args.markdown:
        markdown(ops)
    elif args.outdir:
        for name, write in (("ops.h", write_ops_h), ("build.h", write_build_h), ("build.c", write_build_c)):
            with open(os.path.join(args.outdir, name), "w") as f:
                f.write(write(ops))
    else:
        ap.error("give --outdir or --markdown")


if __name__ == "__main__":
    main()
