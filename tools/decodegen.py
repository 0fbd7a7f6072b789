#!/usr/bin/env python3
"""Make instruction decoders in C from .decode tables.

  decodegen.py --prefix rv --outdir DIR rv.decode rvc.decode
      writes DIR/decode.h (argument structs, trans_* and decoder prototypes), DIR/decode.c (the decoders) and
      DIR/decode_rows.c (the rows as data: names for listings, words for tests)
      With --stem NAME they are NAME.h, NAME.c and NAME_rows.c; with --symbols PREFIX_ the linker knows every trans_*
      function as PREFIX_trans_*, so that two targets may have functions of one name.
  decodegen.py --random N [--seed S] [--cond NAME ...] TABLE ...
      prints N random words of the first table, as hexadecimal numbers

A table is a sequence of lines; '#' starts a comment.

  %decoder NAME WIDTH        the rows below make  bool NAME(struct dis *d, uint32_t insn),  WIDTH 16 or 32
  %cond NAME EXPRESSION      a condition and its C expression (d is the decoder state); conditions spelled
                             NAME=VALUE with one NAME and different VALUEs exclude each other
  &SET FIELD ...             struct args_SET, for formats that share it; another table may repeat it
  @FORMAT [&SET] FIELD=SPEC ...
                             a format; without &SET its fields are struct args_FORMAT
  ROW BITS [@FORMAT] [FIELD=SPEC ...] [; CONDITION ...]
                             calls trans_ROW(d, &args); several rows may share one function, also across tables

BITS are 0 and 1, '.' for bits that some field must name, '-' for ignored ones; blanks between them do not count.
SPEC is a number, an enumerator of C in upper case, or pieces LSB:LEN, the first of them most significant, joined by commas; LEN is written sLEN when
the field is signed; then <<N (shift left) and +N (add) may follow:  imm=31:s1,7:1,25:6,8:4<<1  rd=2:3+8.
CONDITION is NAME, NAME|NAME (one of them), or FIELD!=N,N...; all of a row's must hold.  A row whose conditions do
not hold, or whose trans function returns false, is an illegal instruction.
Two rows that can match one word under the same conditions are an error.
"""
import argparse
import os
import random
import re
import sys

IDENT = r"[A-Za-z_][A-Za-z0-9_]*"
MAX_WINDOW = 7  # bits a switch looks at: at most 128 cases


def fail(where, why):
    sys.exit("%s: %s" % (where, why))


class Field:
    """Where a value comes from: pieces of the word, most significant first, or a constant."""

    def __init__(self, where, name, text):
        self.name, self.shift, self.add, self.pieces, self.signed = name, 0, 0, [], False
        m = re.fullmatch(r"([0-9:s,]+?)(?:<<(\d+))?(?:\+(\d+))?", text)
        if re.fullmatch(r"-?(0x[0-9a-f]+|\d+)", text):
            self.const = int(text, 0)
            return
        if re.fullmatch(r"[A-Z][A-Z0-9_]+", text):
            self.const = text
            return
        if not m:
            fail(where, "field %s: '%s' is neither a number, an enumerator nor LSB:LEN pieces" % (name, text))
        self.const = None
        self.shift, self.add = int(m.group(2) or 0), int(m.group(3) or 0)
        for i, piece in enumerate(m.group(1).split(",")):
            p = re.fullmatch(r"(\d+):(s?)(\d+)", piece)
            if not p or (p.group(2) and i > 0) or int(p.group(3)) == 0:
                fail(where, "field %s: bad piece '%s' (want LSB:LEN; only the first may be signed)" % (name, piece))
            self.signed |= bool(p.group(2))
            self.pieces.append((int(p.group(1)), int(p.group(3))))

    def mask(self):
        return sum(((1 << n) - 1) << lsb for lsb, n in self.pieces)

    def value(self, word):
        """The field's value in a word."""
        if self.const is not None:
            return self.const
        v = width = 0
        for lsb, n in self.pieces:
            v, width = v << n | (word >> lsb & ((1 << n) - 1)), width + n
        if self.signed and v >> (width - 1):
            v -= 1 << width
        return (v << self.shift) + self.add

    def expr(self):
        """The C expression of the value."""
        if self.const is not None:
            return str(self.const)
        parts, low = [], sum(n for _, n in self.pieces)
        for i, (lsb, n) in enumerate(self.pieces):
            low -= n
            get = "%s(insn, %d, %d)" % ("sbits" if self.signed and i == 0 else "ubits", lsb, n)
            parts.append("%s << %d" % (get, low + self.shift) if low + self.shift else get)
        text = " | ".join(parts)
        if self.add:
            text = "(%s) + %d" % (text, self.add)
        return text if len(parts) == 1 and "<<" not in text and not self.add else "(int32_t)(%s)" % text


class Format:
    def __init__(self, argset, fields):
        self.argset, self.fields = argset, fields


class Row:
    def __init__(self, where, name, mask, value, dots, argset, fields, conds, excluded):
        self.where, self.name, self.mask, self.value, self.dots = where, name, mask, value, dots
        self.argset, self.fields = argset, fields
        self.conds = conds          # list of lists: all of (one of)
        self.excluded = excluded    # field name -> set of values

    def field(self, name):
        return next((f for f in self.fields if f.name == name), None)

    def excludes(self, mask, value):
        """True when a FIELD!=N rules out every word with these bits."""
        for name, values in self.excluded.items():
            f = self.field(name)
            if f.const is None and f.mask() & ~mask == 0 and f.value(value) in values:
                return True
        return False

    def allows(self, word):
        return all(self.field(n).value(word) not in values for n, values in self.excluded.items())

    def random_word(self, rng, width):
        """A word of this row that no FIELD!=N excludes."""
        while True:
            word = self.value | (rng.getrandbits(width) & ~self.mask)
            if self.allows(word):
                return word


class Decoder:
    def __init__(self, name, width):
        self.name, self.width, self.rows = name, width, []


class Tables:
    """Everything read from the .decode files of one target."""

    def __init__(self):
        self.conds, self.argsets, self.formats, self.decoders = {}, {}, {}, []
        self.trans = {}  # trans function -> argument set

    def read(self, path):
        formats_before = dict(self.formats)
        self.decoder = None
        with open(path) as f:
            for n, line in enumerate(f, 1):
                line = line.split("#")[0].strip()
                if line:
                    self.line("%s:%d" % (path, n), line)
        self.formats = formats_before  # formats are a file's own; argument sets and conditions are shared
        if self.decoder is None:
            fail(path, "no %decoder line")

    def line(self, where, line):
        kind = {"%": self.directive, "&": self.argset_line, "@": self.format_line}.get(line[0], self.row_line)
        kind(where, line)

    def directive(self, where, line):
        words = line.split(None, 2)
        if words[0] == "%decoder" and len(words) == 3 and words[2] in ("16", "32"):
            self.decoder = Decoder(words[1], int(words[2]))
            self.decoders.append(self.decoder)
        elif words[0] == "%cond" and len(words) == 3:
            self.conds[words[1]] = words[2]
        else:
            fail(where, "want '%decoder NAME 16|32' or '%cond NAME EXPRESSION'")

    def argset_line(self, where, line):
        name, *fields = line[1:].split()
        self.add_argset(where, name, fields)

    def add_argset(self, where, name, fields):
        if self.argsets.get(name, fields) != fields:
            fail(where, "argument set '%s' is defined twice" % name)
        self.argsets[name] = fields

    def parse_fields(self, where, words):
        fields = []
        for w in words:
            m = re.fullmatch(r"(%s)=(.+)" % IDENT, w)
            if not m:
                fail(where, "want FIELD=SPEC, found '%s'" % w)
            fields.append(Field(where, m.group(1), m.group(2)))
        return fields

    def format_line(self, where, line):
        words = line[1:].split()
        name, words = words[0], words[1:]
        argset = None
        if words and words[0][0] == "&":
            argset, words = words[0][1:], words[1:]
            if argset not in self.argsets:
                fail(where, "no argument set '%s' (known: %s)" % (argset, " ".join(self.argsets)))
        fields = self.parse_fields(where, words)
        if argset is None:
            argset = name
            self.add_argset(where, name, [f.name for f in fields])
        if name in self.formats:
            fail(where, "format '%s' is defined twice" % name)
        self.formats[name] = Format(argset, fields)

    def row_line(self, where, line):
        if self.decoder is None:
            fail(where, "a row before the %decoder line")
        left, _, right = line.partition(";")
        words = left.split()
        name, bits, i = words[0], "", 1
        while i < len(words) and re.fullmatch(r"[01.-]+", words[i]):
            bits += words[i]
            i += 1
        if len(bits) != self.decoder.width:
            fail(where, "%s has %d bits, not %d" % (name, len(bits), self.decoder.width))
        fmt = Format("none", [])
        if i < len(words) and words[i][0] == "@":
            if words[i][1:] not in self.formats:
                fail(where, "no format '%s'" % words[i])
            fmt, i = self.formats[words[i][1:]], i + 1
        self.add_row(where, name, bits, fmt, self.parse_fields(where, words[i:]), right.split())

    def add_row(self, where, name, bits, fmt, extra, conditions):
        fields = [f for f in fmt.fields if f.name not in [e.name for e in extra]] + extra
        wanted = self.argsets.setdefault(fmt.argset, [])
        if sorted(f.name for f in fields) != sorted(wanted):
            fail(where, "%s gives fields {%s}; args_%s has {%s}" % (
                name, " ".join(f.name for f in fields), fmt.argset, " ".join(wanted)))
        mask = sum(1 << i for i, c in enumerate(reversed(bits)) if c in "01")
        value = sum(1 << i for i, c in enumerate(reversed(bits)) if c == "1")
        dots = sum(1 << i for i, c in enumerate(reversed(bits)) if c == ".")
        named = 0
        for f in fields:
            named |= f.mask() if f.const is None else 0
        if dots & ~named:
            fail(where, "%s: bits %#x are '.', but no field has them" % (name, dots & ~named))
        conds, excluded = self.parse_conditions(where, conditions, fields)
        if self.trans.setdefault(name, fmt.argset) != fmt.argset:
            fail(where, "trans_%s takes args_%s elsewhere, args_%s here" % (name, self.trans[name], fmt.argset))
        row = Row(where, name, mask, value, dots, fmt.argset, fields, conds, excluded)
        for other in self.decoder.rows:
            if self.overlap(row, other):
                fail(where, "%s and %s (%s) match the same words" % (name, other.name, other.where))
        self.decoder.rows.append(row)

    def parse_conditions(self, where, words, fields):
        conds, excluded = [], {}
        for w in words:
            m = re.fullmatch(r"(%s)!=([-0-9,]+)" % IDENT, w)
            if m:
                if m.group(1) not in [f.name for f in fields]:
                    fail(where, "no field '%s'" % m.group(1))
                excluded[m.group(1)] = {int(x) for x in m.group(2).split(",")}
                continue
            for c in w.split("|"):
                if c not in self.conds:
                    fail(where, "no condition '%s' (known: %s)" % (c, " ".join(self.conds)))
            conds.append(w.split("|"))
        return conds, excluded

    @staticmethod
    def overlap(a, b):
        if (a.value ^ b.value) & a.mask & b.mask:
            return False
        for x in (c[0] for c in a.conds if len(c) == 1):
            for y in (c[0] for c in b.conds if len(c) == 1):
                if "=" in x and "=" in y and x.split("=")[0] == y.split("=")[0] and x != y:
                    return False
        mask, value = a.mask | b.mask, a.value | b.value
        return not (a.excludes(mask, value) or b.excludes(mask, value))


# --- decoders ---------------------------------------------------------------------------------------------------------


def pick_window(rows, known, width):
    """The (lsb, len) whose switch leaves the fewest rows to test, or None.  A row with open bits there is copied."""
    best, best_cost = None, 0.75 * len(rows)
    for n in range(1, MAX_WINDOW + 1):
        for lsb in range(width - n + 1):
            win = ((1 << n) - 1) << lsb
            if win & known or sum(1 << bin(win & ~r.mask).count("1") for r in rows) > 2 * len(rows):
                continue
            cases = {}
            for r in rows:
                for v in window_values(r, lsb, n):
                    cases[v] = cases.get(v, 0) + 1
            # What is left to test on average, with a price on copies and on wide tables.
            cost = sum(c * c for c in cases.values()) / len(rows) + 0.05 * n
            if cost < best_cost:
                best, best_cost = (lsb, n), cost
    return best


def window_values(row, lsb, n):
    """The values of bits lsb..lsb+n-1 that a row's words can have."""
    fixed, value, size = row.mask >> lsb, row.value >> lsb, 1 << n
    return [v for v in range(size) if not (v ^ value) & fixed & (size - 1)]


def emit_row(tables, row, known, indent):
    tests = []
    if row.mask & ~known:
        tests.append("(insn & %#x) == %#x" % (row.mask & ~known, row.value & ~known))
    for alternatives in row.conds:
        text = " || ".join("(%s)" % tables.conds[c] for c in alternatives)
        tests.append("(%s)" % text if len(alternatives) > 1 or "|" in text or "=" in text else text)
    pad = " " * indent
    fields = ", ".join(".%s = %s" % (f.name, f.expr()) for f in row.fields) or "0"
    limits = ["a.%s != %d" % (f, v) for f, vs in sorted(row.excluded.items()) for v in sorted(vs)]
    call = "return trans_%s(d, &a);" % row.name
    if limits:
        call = "if (%s)\n%s        %s" % (" && ".join(limits), pad, call)
    out = "%sif (%s) {\n" % (pad, " && ".join(tests)) if tests else pad + "{\n"
    return out + "%s    const struct args_%s a = {%s};\n%s    %s\n%s}\n" % (pad, row.argset, fields, pad, call, pad)


def is_final(row, known):
    return not (row.mask & ~known or row.conds or row.excluded)


def emit_node(tables, rows, known, width, indent):
    """Code that decides among rows, given which bits have been looked at; control leaves only for illegal words."""
    window = pick_window(rows, known, width) if len(rows) > 1 else None
    if window is None:
        out = ""
        for row in rows:
            out += emit_row(tables, row, known, indent)
            if is_final(row, known):
                break
        return out
    lsb, n = window
    win, pad = ((1 << n) - 1) << lsb, " " * indent
    out = "%sswitch (insn >> %d & %#x) {\n" % (pad, lsb, (1 << n) - 1)
    for v in range(1 << n):
        some = [r for r in rows if not ((v << lsb) ^ r.value) & r.mask & win]
        if some:
            out += "%scase %d:\n" % (pad, v)
            out += emit_node(tables, some, known | win, width, indent + 4)
            if not (len(some) == 1 and is_final(some[0], known | win)):
                out += pad + "    break;\n"
    return out + pad + "}\n"


BANNER = "/* %s  Generated by tools/decodegen.py from %s. */\n"

DECODE_PRELUDE = """#include "%s"

#include <stdbool.h>
#include <stdint.h>

static inline int32_t ubits(uint32_t insn, unsigned lsb, unsigned len)
{
    return (int32_t)(insn << (32 - len - lsb) >> (32 - len));
}
/* Unsigned, so that it may be shifted left. */
static inline uint32_t sbits(uint32_t insn, unsigned lsb, unsigned len)
{
    return (uint32_t)((int32_t)(insn << (32 - len - lsb)) >> (32 - len));
}
"""


def write_decode_c(tables, names, include):
    out = BANNER % ("Instruction decoders.", names) + DECODE_PRELUDE % include
    for dec in tables.decoders:
        out += "\nbool %s(struct dis *d, uint32_t insn)\n{\n" % dec.name
        out += emit_node(tables, dec.rows, 0, dec.width, 4) if dec.rows else "    (void)d, (void)insn;\n"
        out += "    return false;\n}\n"
    return out


def symbol(name, symbols):
    """What follows a function's prototype to give it another name in object files."""
    return ' __asm__("%s%s")' % (symbols, name) if symbols else ""


def write_decode_h(tables, names, prefix, guard, symbols=""):
    out = BANNER % ("Decoded arguments and what handles them.", names)
    out += "#ifndef %s\n#define %s\n\n#include <stdbool.h>\n#include <stdint.h>\n\nstruct dis;\n\n" % (guard, guard)
    for name in sorted(tables.argsets):
        fields = tables.argsets[name]
        body = "int32_t %s;" % ", ".join(fields) if fields else "char none;"
        out += "struct args_%s {\n    %s\n};\n" % (name, body)
    out += "\n/* Emit IR for one instruction; false: it is illegal after all, and nothing was emitted. */\n"
    for name in sorted(tables.trans):
        out += "bool trans_%s(struct dis *d, const struct args_%s *a)%s;\n" % (
            name, tables.trans[name], symbol("trans_" + name, symbols))
    out += "\n/* Decode a word and call its trans function; false: an illegal instruction. */\n"
    for dec in tables.decoders:
        out += "bool %s(struct dis *d, uint32_t insn);\n" % dec.name
    return out + rows_interface(tables, prefix) + "\n#endif\n"


def rows_interface(tables, prefix):
    out = "\n/* A row of the tables, for listings and tests; conds as written there. */\n"
    out += "struct %s_decode_row {\n    uint32_t mask, value;\n    const char *name, *argset, *conds;\n};\n" % prefix
    out += "struct %s_decode_field {\n    const char *name;\n    int32_t value;\n};\n" % prefix
    out += "enum { %s_DECODE_FIELDS = %d }; /* at most */\n" % (prefix.upper(), max(map(len, tables.argsets.values())))
    for dec in tables.decoders:
        out += "\nenum { %s_ROWS = %d };\n" % (dec.name.upper(), len(dec.rows))
        out += "extern const struct %s_decode_row %s_rows[%d];\n" % (prefix, dec.name, len(dec.rows))
        out += "/* The first row that matches and whose conds do not contain `without`; -1 if there is none. */\n"
        out += "int %s_find(uint32_t insn, const char *without);\n" % dec.name
        out += "/* The fields of a word of a row; returns how many. */\n"
        out += "unsigned %s_fields(unsigned row, uint32_t insn, struct %s_decode_field *out);\n" % (dec.name, prefix)
        out += "/* A word of row %% %s_ROWS, its open bits taken from bits. */\n" % dec.name.upper()
        out += "uint32_t %s_random(unsigned row, uint32_t bits);\n" % dec.name
    return out


ROWS_CODE = """
int %(name)s_find(uint32_t insn, const char *without)
{
    for (int i = 0; i < %(rows)s; i++) {
        const struct %(prefix)s_decode_row *r = &%(name)s_rows[i];
        if ((insn & r->mask) == r->value && %(name)s_allows(i, insn) && !strstr(r->conds, without))
            return i;
    }
    return -1;
}

uint32_t %(name)s_random(unsigned row, uint32_t bits)
{
    const struct %(prefix)s_decode_row *r = &%(name)s_rows[row %% (%(rows)s + !%(rows)s)];
    return (r->value | (bits & ~r->mask)) & %(all)s;
}
"""


def allows_code(dec):
    """What FIELD!=N says of each row."""
    out = "\nstatic bool %s_allows(int row, uint32_t insn)\n{\n    (void)insn;\n    switch (row) {\n" % dec.name
    for n, r in enumerate(dec.rows):
        limits = ["(%s) != %d" % (r.field(f).expr(), v) for f, vs in sorted(r.excluded.items()) for v in sorted(vs)]
        if limits:
            out += "    case %d: return %s;\n" % (n, " && ".join(limits))
    return out + "    }\n    return true;\n}\n"


def fields_code(dec, prefix):
    """Rows with equal fields share a case."""
    groups = {}
    for n, r in enumerate(dec.rows):
        groups.setdefault(tuple((f.name, f.expr()) for f in r.fields), []).append(n)
    out = "\nunsigned %s_fields(unsigned row, uint32_t insn, struct %s_decode_field *out)\n{\n" % (dec.name, prefix)
    out += "    unsigned n = 0;\n    (void)insn, (void)out;\n    switch (row) {\n"
    for fields, rows in groups.items():
        if fields:
            out += "".join("    case %d:\n" % n for n in rows)
            for name, expr in fields:
                out += '        out[n++] = (struct %s_decode_field){"%s", %s};\n' % (prefix, name, expr)
            out += "        break;\n"
    return out + "    }\n    return n;\n}\n"


def write_rows_c(tables, names, prefix, include):
    out = BANNER % ("The decode tables as data.", names) + DECODE_PRELUDE % include
    out = out.replace("#include <stdint.h>\n", "#include <stdint.h>\n#include <string.h>\n")
    for dec in tables.decoders:
        out += "\nconst struct %s_decode_row %s_rows[] = {\n" % (prefix, dec.name)
        for r in dec.rows:
            conds = " ".join("|".join(c) for c in r.conds)
            out += '    {%#x, %#x, "%s", "%s", "%s"},\n' % (r.mask, r.value, r.name, r.argset, conds)
        out += "};\n" + allows_code(dec) + ROWS_CODE % {"name": dec.name, "prefix": prefix, "rows": dec.name.upper() + "_ROWS",
                                     "all": "0x%x" % ((1 << dec.width) - 1)}
        out += fields_code(dec, prefix)
    return out


def random_words(tables, count, seed, conds):
    """count words of rows of the first decoder that need no other conditions than conds."""
    rng = random.Random(seed)
    dec = tables.decoders[0]
    rows = [r for r in dec.rows if all(set(c) & set(conds) for c in r.conds)]
    return [rng.choice(rows).random_word(rng, dec.width) for _ in range(count)]


def load(paths):
    tables = Tables()
    for path in paths:
        tables.read(path)
    return tables


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("tables", nargs="+", help=".decode files; argument sets and conditions carry over to later ones")
    ap.add_argument("--prefix", help="of the generated types: struct PREFIX_decode_row")
    ap.add_argument("--include", help="header that declares struct dis and includes decode.h; as decode.c includes it")
    ap.add_argument("--outdir", help="directory to write decode.h, decode.c and decode_rows.c to")
    ap.add_argument("--stem", default="decode", help="of the files' names")
    ap.add_argument("--symbols", default="", help="what the names of trans functions begin with in object files")
    ap.add_argument("--random", type=int, metavar="N", help="print N random words instead")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--cond", action="append", default=[], help="a condition that holds, for --random")
    args = ap.parse_args()
    tables = load(args.tables)
    if args.random is not None:
        for word in random_words(tables, args.random, args.seed, args.cond):
            print("%#x" % word)
        return
    if not (args.outdir and args.prefix and args.include):
        ap.error("give --outdir, --prefix and --include, or --random")
    names = ", ".join(os.path.basename(p) for p in args.tables)
    header = os.path.join(os.path.dirname(args.include), args.stem + ".h")
    guard = re.sub(r"\W", "_", header).upper()
    for name, text in ((".h", write_decode_h(tables, names, args.prefix, guard, args.symbols)),
                       (".c", write_decode_c(tables, names, args.include)),
                       ("_rows.c", write_rows_c(tables, names, args.prefix, args.include))):
        with open(os.path.join(args.outdir, args.stem + name), "w") as f:
            f.write(text)


if __name__ == "__main__":
    main()
