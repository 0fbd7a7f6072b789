#!/usr/bin/env python3
"""Compare tests/perf/host_code.txt with the host code that the translator makes today.

  host_code.py [--build DIRECTORY] [--update]

Assembles the file's guest code, has hostcode list what becomes of it, and prints a unified diff; with --update the file
is rewritten instead.  Exit status 77 (skipped) without the cross assembler or on a host the listing is not for.
"""
import argparse
import difflib
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LISTING = os.path.join(HERE, "host_code.txt")
PREFIX = "riscv64-linux-gnu-"
MARCH = "rv64gc_zba_zbb_zbs_zicbom_zicboz_zihintpause"
UNIT_BYTES = 256
SKIPPED = 77
# What the oldest supported assembler has no name for: MNEMONIC -> funct7 (or funct5 and aq, rl), funct3, opcode.
R_TYPE = {"czero.eqz": (0x07, 5, 0x33), "czero.nez": (0x07, 7, 0x33), "amocas.w": (0x14, 2, 0x2f), "amocas.d": (0x14, 3, 0x2f)}


def is_guest_code(line):
    return line and not line.startswith((" ", "#"))


def insn(text):
    """One instruction as the assembler takes it."""
    name, _, operands = text.strip().partition(" ")
    if name not in R_TYPE:
        return text.strip()
    funct7, funct3, opcode = R_TYPE[name]
    rd, second, third = [o.strip(" ()") for o in operands.split(",")]
    rs1, rs2 = (third, second) if name.startswith("amo") else (second, third)
    return ".insn r %#x, %d, %#x, %s, %s, %s" % (opcode, funct3, funct7, rd, rs1, rs2)


def assemble(units):
    """The code of each unit, in hexadecimal digits."""
    source = [".option norvc", ".option norelax"]
    for n, unit in enumerate(units):
        source.append(".org %d, 0" % (n * UNIT_BYTES))
        source += [insn(i) for i in unit.split(";")]
    with tempfile.TemporaryDirectory() as tmp:
        base = os.path.join(tmp, "units")
        subprocess.run([PREFIX + "as", "-march=" + MARCH, "-o", base + ".o"], input="\n".join(source) + "\n", text=True, check=True)
        subprocess.run([PREFIX + "objcopy", "-O", "binary", "-j", ".text", base + ".o", base], check=True)
        with open(base, "rb") as f:
            code = f.read()
    return [code[at:at + UNIT_BYTES].rstrip(b"\0") for at in range(0, len(code), UNIT_BYTES)]


def hexadecimal(code):
    return (code + bytes(-len(code) % 4)).hex()


def listings(tool, units):
    """What becomes of each unit, or None where the host is not one that the file is for."""
    p = subprocess.run([tool], input="".join(hexadecimal(c) + "\n" for c in assemble(units)), stdout=subprocess.PIPE, text=True)
    if p.returncode == SKIPPED:
        print(p.stdout.strip())
        return None
    p.check_returncode()
    return p.stdout.rstrip("\n").split("\n\n")


def with_listings(lines, listings_of_units):
    """The file's lines, every listing made anew."""
    out, left = [], iter(listings_of_units)
    for line in lines:
        if line.startswith(" "):
            continue
        out.append(line)
        if is_guest_code(line):
            out += ["  " + text for text in next(left).split("\n")]
    return out


def show_sums(lines):
    counts = [line.split() for line in lines if line.startswith("  ") and line.endswith(" cold bytes")]
    guest, host, cold = (sum(int(c[i]) for c in counts) for i in (0, 2, 4))
    print("%d units: %d guest instructions, %d host instructions, %d cold bytes" % (len(counts), guest, host, cold))


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--build", default=os.path.join(ROOT, "build"), help="the build directory")
    ap.add_argument("--update", action="store_true", help="rewrite the file")
    args = ap.parse_args()
    if not shutil.which(PREFIX + "as"):
        print("%sas is not installed" % PREFIX)
        return SKIPPED
    with open(LISTING) as f:
        old = f.read().split("\n")
    made = listings(os.path.join(args.build, "tests", "perf", "hostcode"), [line for line in old if is_guest_code(line)])
    if made is None:
        return SKIPPED
    new = with_listings(old, made)
    show_sums(new)
    if new == old:
        return 0
    if args.update:
        with open(LISTING, "w") as f:
            f.write("\n".join(new))
        return 0
    print("\n".join(difflib.unified_diff(old, new, "tests/perf/host_code.txt", "the translator today", lineterm="", n=4)))
    print("if the change is meant: tests/perf/host_code.py --build %s --update" % args.build)
    return 1


if __name__ == "__main__":
    sys.exit(main())
