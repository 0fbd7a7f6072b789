#!/usr/bin/env python3
"""Run the catalogue of FP and AdvSIMD instructions on a bare machine and compare its hashes with keys.txt.

  run.py --emulator build/tinamou [--engine jit|interp] [--word HEX]
  run.py --make-keys        writes keys.txt, from the same catalogue as a Linux program under qemu-aarch64

A line of keys.txt is the hash of all results of the words of one name, for 12 and for 1 state under each of ten settings
of FPCR, and the name.  When a name fails, run it with --word on both: qemu-aarch64 runs the program that --make-keys
leaves with --keep DIR; then all states are printed.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, *[".."] * 4))
CC = "aarch64-linux-gnu-gcc"
CASES = {"jit": 12, "interp": 1}  # states under each setting; the interpreter is slow
KEYS = os.path.join(HERE, "keys.txt")
VALUES = os.path.join(ROOT, "tests", "isa", "values.c")
SKIP = 77
BARE = ["-mstrict-align", "-ffreestanding", "-fno-stack-protector", "-nostdlib", "-fno-pic", "-no-pie", "-Wl,--build-id=none",
        "-Wl,-N", "-Wl,--no-warn-rwx-segments", "-Wl,-Ttext=0x40100000"]


def source(name):
    return os.path.join(HERE, name)


def compile_c(outdir, name, args):
    """An object file; nothing in it touches FP registers."""
    obj = os.path.join(outdir, os.path.basename(name) + ".o")
    subprocess.run([CC, "-O2", "-I", ROOT, "-c", "-o", obj, name] + args, check=True)
    return obj


def words(outdir):
    path = os.path.join(outdir, "words.c")
    with open(path, "w") as f:
        subprocess.run([sys.executable, source("words.py")], stdout=f, check=True)
    return path


def build(outdir, cases, is_linux, word=None):
    """The program, for one machine or the other."""
    general = ["-mgeneral-regs-only", "-DCASE_COUNT=%d" % cases] + ([] if is_linux else BARE[:4])
    objects = [compile_c(outdir, n, general) for n in (source("catalogue.c"), VALUES, words(outdir))]
    elf = os.path.join(outdir, "catalogue-%s-%d" % ("linux" if is_linux else "bare", cases))
    rest = [source("run.S")]
    if is_linux:
        rest += [source("linux.c"), "-D_GNU_SOURCE", "-static"]
    else:
        rest += [source("start.S"), "-static"] + BARE + (["-DWORD=0x%x" % word] if word else [])
    subprocess.run([CC, "-O2", "-I", ROOT, "-o", elf] + objects + rest, check=True)
    return elf


def lines(text):
    return [line.split() for line in text.splitlines() if len(line.split()) == 2]


def make_keys(outdir):
    columns = []
    for cases in sorted(CASES.values(), reverse=True):
        elf = build(outdir, cases, True)
        p = subprocess.run(["qemu-aarch64", "-cpu", "max", elf], stdout=subprocess.PIPE, text=True, check=True)
        columns.append(lines(p.stdout))
    with open(KEYS, "w") as f:
        for first, second in zip(*columns):
            f.write("%s %s %s\n" % (first[0], second[0], first[1]))


def run(args, outdir):
    elf = build(outdir, CASES[args.engine], False, args.word)
    cmd = [args.emulator, "-arch", "aarch64", "-M", "virt", "-cpu", "max", "-accel", "tcg,engine=" + args.engine, "-kernel", elf,
           "-semihosting", "-nographic"]
    p = subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if args.word:
        print(p.stdout)
        return 0
    with open(KEYS) as f:
        keys = [line.split() for line in f]
    column = sorted(CASES.values(), reverse=True).index(CASES[args.engine])
    got = lines(p.stdout)
    bad = sorted({k[2] for k, g in zip(keys, got) if [k[column], k[2]] != g})
    for name in bad:
        print("FAIL %s: not the results that keys.txt has" % name)
    if len(got) != len(keys) or p.returncode:
        print("FAIL: %d of %d lines, exit status %d: %s" % (len(got), len(keys), p.returncode, p.stdout[-300:]))
        bad.append("")
    print("%d passed, %d failed" % (len(got) - len(bad), len(bad)))
    return 1 if bad else 0


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--emulator")
    ap.add_argument("--engine", choices=sorted(CASES), default="jit")
    ap.add_argument("--word", type=lambda s: int(s, 16), help="print the cases of one instruction instead")
    ap.add_argument("--make-keys", action="store_true")
    ap.add_argument("--keep", metavar="DIR", help="leave what was built there")
    args = ap.parse_args()
    if not shutil.which(CC):
        print("no %s: skipped" % CC)
        return SKIP
    if not (args.emulator or args.make_keys):
        ap.error("give --emulator or --make-keys")
    with tempfile.TemporaryDirectory() as tmp:
        outdir = args.keep or tmp
        if not args.make_keys:
            return run(args, outdir)
        make_keys(outdir)
    return 0


if __name__ == "__main__":
    sys.exit(main())
