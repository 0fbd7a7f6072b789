#!/usr/bin/env python3
"""Make the helper table of a target, its prototypes and its call builders from helpers.def.

  helpergen.py helpers.def --cpu "struct rv_cpu" --slot-prefix RV_SLOT_ --include target/riscv/cpu.h --outdir DIR
      writes DIR/helpers.h and DIR/helpers.c; with --symbols PREFIX_ the linker knows the functions as PREFIX_helper_name
      and PREFIX_call_name, so that two targets may have helpers of one name

A row is  HELPER(name, result, (argument types), EFFECTS)  on one line; '#' starts a comment.  Types are I32 I64 F32 F64
and void; F32 and F64 travel as bit patterns in uint32_t and uint64_t.  It declares

  uint64_t helper_name(struct rv_cpu *cpu, uint64_t a, ...);    the C function, written by hand
  ir_val call_name(struct ir *ir, ir_val a, ...);               appends the call to a unit

EFFECTS   READS(slot ...) WRITES(slot ...)   exactly these slots of the target's table
          READS_ALL WRITES_ALL               any slot
          RAISES     may leave by exception: the pc slot must be set before the call
          FPENV      reads or changes rounding mode or sticky flags
          PURE       same arguments, same result; implies NO_CPU
          VOLATILE   depends on more than guest state (time, devices)
          NO_CPU     does not take the CPU pointer
          SLOTS      reads and writes slots that each call names, and has no other effect (but FPENV):
                     call_name(ir, a, ..., struct ir_slot_set reads, struct ir_slot_set writes)
"""
import argparse
import os
import re
import sys

TYPES = {"void": ("IR_VOID", "void"), "I32": ("I32", "uint32_t"), "I64": ("I64", "uint64_t"),
         "F32": ("F32", "uint32_t"), "F64": ("F64", "uint64_t")}
FLAGS = {"READS_ALL": "HELPER_READS_ALL", "WRITES_ALL": "HELPER_WRITES_ALL", "RAISES": "HELPER_RAISES",
         "FPENV": "HELPER_FPENV", "PURE": "HELPER_PURE", "VOLATILE": "HELPER_VOLATILE", "NO_CPU": None,
         "SLOTS": "HELPER_SLOTS"}
ROW = re.compile(r"HELPER\((\w+),\s*(\w+),\s*\(([\w\s,]*)\),\s*(.*)\)$")
EFFECT = re.compile(r"(READS|WRITES)\(([\w\s,]*)\)|(\w+)")
MAX_ARGS, WORDS = 5, 2


class Helper:
    def __init__(self, where, line):
        m = ROW.match(line)
        if not m:
            sys.exit("%s: want HELPER(name, result, (types), EFFECTS)" % where)
        self.where, self.name, self.result = where, m.group(1), m.group(2)
        self.args = m.group(3).replace(",", " ").split()
        self.slots, self.flags = {"READS": [], "WRITES": []}, set()
        if self.result not in TYPES or any(t not in TYPES or t == "void" for t in self.args):
            self.fail("types are %s" % " ".join(TYPES))
        if len(self.args) > MAX_ARGS:
            self.fail("at most %d arguments" % MAX_ARGS)
        self.effects(m.group(4))

    def fail(self, why):
        sys.exit("%s: helper %s: %s" % (self.where, self.name, why))

    def effects(self, text):
        for kind, slots, flag in EFFECT.findall(text):
            if kind:
                self.slots[kind] += slots.replace(",", " ").split()
            elif flag in FLAGS:
                self.flags.add(flag)
            else:
                self.fail("unknown effect '%s' (one of READS() WRITES() %s)" % (flag, " ".join(FLAGS)))
        if "PURE" in self.flags and (len(self.flags - {"PURE", "NO_CPU"}) or any(self.slots.values())):
            self.fail("a pure helper has no other effects")
        if "SLOTS" in self.flags and (len(self.flags - {"SLOTS", "FPENV"}) or any(self.slots.values())):
            self.fail("SLOTS goes with FPENV only")

    def takes_cpu(self):
        return not self.flags & {"PURE", "NO_CPU"}

    def prototype(self, cpu):
        params = ["%s *cpu" % cpu] if self.takes_cpu() else []
        params += ["%s %s" % (TYPES[t][1], "abcde"[i]) for i, t in enumerate(self.args)]
        return "%s helper_%s(%s)" % (TYPES[self.result][1], self.name, ", ".join(params) or "void")

    def builder(self):
        params = ["struct ir *ir"] + ["ir_val %s" % "abcde"[i] for i in range(len(self.args))]
        if "SLOTS" in self.flags:
            params += ["struct ir_slot_set reads", "struct ir_slot_set writes"]
        return "%s call_%s(%s)" % ("void" if self.result == "void" else "ir_val", self.name, ", ".join(params))

    def slot_words(self, kind, prefix):
        words = []
        for w in range(WORDS):
            bits = ["SLOT_BIT(%s%s, %d)" % (prefix, s.upper(), w) for s in self.slots[kind]]
            words.append(" | ".join(bits) or "0")
        return "{{%s}}" % ", ".join(words)

    def table(self, prefix):
        flags = [FLAGS[f] for f in sorted(self.flags) if FLAGS[f]] + (["HELPER_CPU"] if self.takes_cpu() else [])
        return ('    .name = "%s",\n    .fn = (void *)helper_%s,\n    .ret = %s,\n    .nargs = %d,\n    .args = {%s},\n'
                "    .flags = %s,\n    .reads = %s,\n    .writes = %s,\n" % (
                    self.name, self.name, TYPES[self.result][0], len(self.args),
                    ", ".join(TYPES[t][0] for t in self.args) or "0", " | ".join(flags) or "0",
                    self.slot_words("READS", prefix), self.slot_words("WRITES", prefix)))

    def code(self, prefix):
        args = ", ".join("abcde"[:len(self.args)]) or "IR_NONE"
        slots = "SLOTS" in self.flags
        return ("\nstatic const struct ir_helper desc_%s = {\n%s};\n\n%s\n{\n    const ir_val args[] = {%s};\n    %sir_call%s(ir, &desc_%s, args%s);\n}\n"
                % (self.name, self.table(prefix), self.builder(), args,
                   "" if self.result == "void" else "return ", "_slots" if slots else "", self.name,
                   ", reads, writes" if slots else ""))


def read_helpers(path):
    helpers, seen = [], {}
    with open(path) as f:
        for n, line in enumerate(f, 1):
            line = line.split("#")[0].strip()
            if not line:
                continue
            h = Helper("%s:%d" % (path, n), line)
            if h.name in seen:
                h.fail("declared already at %s" % seen[h.name])
            seen[h.name] = h.where
            helpers.append(h)
    return helpers


def write_h(helpers, cpu, source, guard, symbols):
    def label(kind, h):
        return ' __asm__("%s%s_%s")' % (symbols, kind, h.name) if symbols else ""
    out = ("/* Helpers: C functions that translated code calls.  Generated by tools/helpergen.py from %s. */\n"
           "#ifndef %s\n#define %s\n\n#include \"tcg/ir.h\"\n\n%s;\n\n" % (source, guard, guard, cpu))
    out += "".join("%s%s;\n" % (h.prototype(cpu), label("helper", h)) for h in helpers)
    out += "\n/* Append the call to a unit. */\n"
    out += "".join("%s%s;\n" % (h.builder(), label("call", h)) for h in helpers)
    return out + "\n#endif\n"


def write_c(helpers, source, include, header, prefix):
    out = "/* The helper table.  Generated by tools/helpergen.py from %s. */\n" % source
    out += '#include "%s"\n\n#include "%s"\n' % (header, include)
    out += "\n#define SLOT_BIT(s, w) ((s) / 64 == (w) ? UINT64_C(1) << ((s) % 64) : 0)\n"
    return out + "".join(h.code(prefix) for h in helpers)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("table", help="helpers.def")
    ap.add_argument("--cpu", required=True, help="type of the CPU: \"struct rv_cpu\"")
    ap.add_argument("--slot-prefix", required=True, help="of the slot numbers: RV_SLOT_")
    ap.add_argument("--include", required=True, help="header with the slot numbers")
    ap.add_argument("--outdir", required=True)
    ap.add_argument("--symbols", default="", help="what the functions' names begin with in object files")
    args = ap.parse_args()
    helpers = read_helpers(args.table)
    header = os.path.join(os.path.dirname(args.include), "helpers.h")
    guard = re.sub(r"\W", "_", header).upper()
    source = os.path.basename(args.table)
    for name, text in (("helpers.h", write_h(helpers, args.cpu, source, guard, args.symbols)),
                       ("helpers.c", write_c(helpers, source, args.include, header, args.slot_prefix))):
        with open(os.path.join(args.outdir, name), "w") as f:
            f.write(text)


if __name__ == "__main__":
    main()
