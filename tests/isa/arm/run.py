#!/usr/bin/env python3
"""Run the catalogue of A32 and T32 instructions on a bare machine and compare its hashes with keys.txt.

  run.py --emulator build/tinamou [--on max|interp|a15] [--word N]
  run.py --make-keys        writes keys.txt, from the same catalogue as a Linux program under qemu-arm

A line of keys.txt has the hashes of all results of the words of one name on each of the three, and the name.  When a name
fails, --list prints the hash of each word instead, --reference runs the Linux program under qemu-arm; --word N prints all states
of the word with that number (hexadecimal, as --list shows it).  --rows, --sequences, --seed and --only are those of words.py: other words
than those of keys.txt, for both.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, *[".."] * 3))
CC = "arm-linux-gnueabihf-gcc"
# Processor, states of a word under each setting, engine.  The interpreter is slow.
SETUPS = {"max": ("max", 6, "jit"), "interp": ("max", 1, "interp"), "a15": ("cortex-a15", 2, "jit")}
# What the reference has though it should not, without FP16.
EXTRA = {"a15": {"vfp.vldr_half", "vfp.vstr_half", "vfp-t.vldr_half", "vfp-t.vstr_half"}}
KEYS = os.path.join(HERE, "keys.txt")
SKIP = 77
BARE = ["-ffreestanding", "-fno-stack-protector", "-nostdlib", "-fno-pic", "-no-pie", "-Wl,--build-id=none",
        "-Wl,-N", "-Wl,--no-warn-rwx-segments", "-Wl,-Ttext=0x40100000"]


def source(name):
    return os.path.join(HERE, name)


def compile_c(outdir, name, args):
    """An object file; nothing in it touches FP registers."""
    obj = os.path.join(outdir, os.path.basename(name) + ".o")
    subprocess.run([CC, "-O2", "-marm", "-I", ROOT, "-c", "-o", obj, name] + args, check=True)
    return obj


def words(args, outdir):
    path = os.path.join(outdir, "words.c")
    more = [x for name in ("rows", "sequences", "seed", "only") if getattr(args, name) for x in ("--" + name, str(getattr(args, name)))]
    with open(path, "w") as f:
        subprocess.run([sys.executable, source("words.py")] + more, stdout=f, check=True)
    return path


def build(args, outdir, cases, is_linux):
    """The program, for one machine or the other."""
    general = ["-mgeneral-regs-only", "-DCASE_COUNT=%d" % cases] + ([] if is_linux else BARE[:4])
    objects = [compile_c(outdir, n, general) for n in (source("catalogue.c"), os.path.join(ROOT, "tests", "isa", "values.c"), words(args, outdir))]
    elf = os.path.join(outdir, "catalogue-%s-%d" % ("linux" if is_linux else "bare", cases))
    rest = [source("run.S")]
    if is_linux:
        rest += [source("linux.c"), "-D_GNU_SOURCE", "-static"]
    else:
        word = 1 if args.list else args.word + 2 if args.word is not None else None
        rest += [source("start.S"), "-static"] + BARE + (["-DWORD=0x%x" % word] if word else []) + ["-Wl,--start-group", "-lgcc", "-Wl,--end-group"]
    subprocess.run([CC, "-O2", "-marm", "-Wa,-mno-warn-deprecated", "-I", ROOT, "-o", elf] + objects + rest, check=True)
    return elf


def lines(text):
    return [line.split() for line in text.splitlines() if len(line.split()) == 2]


def reference(args, elf, cpu):
    which = ["1"] if args.list else ["%d" % (args.word + 2)] if args.word is not None else []
    return subprocess.run(["qemu-arm", "-cpu", cpu, elf] + which, stdout=subprocess.PIPE, text=True, check=True).stdout


def make_keys(args, outdir):
    columns = [lines(reference(args, build(args, outdir, cases, True), cpu)) for cpu, cases, _ in SETUPS.values()]
    with open(KEYS, "w") as f:
        for row in zip(*columns):
            f.write("%s %s\n" % (" ".join(c[0] for c in row), row[0][1]))


def emulate(args, outdir):
    cpu, cases, engine = SETUPS[args.on]
    cmd = [args.emulator, "-arch", "arm", "-M", "virt", "-cpu", cpu, "-m", "512", "-accel", "tcg,engine=" + engine, "-kernel",
           build(args, outdir, cases, False), "-semihosting", "-nographic"]
    return subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run(args, outdir):
    p = emulate(args, outdir)
    if args.word is not None or args.list:
        print(p.stdout)
        return 0
    with open(KEYS) as f:
        keys = [line.split() for line in f]
    column = list(SETUPS).index(args.on)
    got = lines(p.stdout)
    bad = sorted({k[-1] for k, g in zip(keys, got) if [k[column], k[-1]] != g} - EXTRA.get(args.on, set()))
    for name in bad:
        print("FAIL %s: not the results that keys.txt has" % name)
    if len(got) != len(keys) or p.returncode:
        print("FAIL: %d of %d lines, exit status %d: %s" % (len(got), len(keys), p.returncode, p.stdout[-300:]))
        bad.append("")
    print("%d passed, %d failed" % (len(got) - len(bad), len(bad)))
    return 1 if bad else 0


def options():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--emulator")
    ap.add_argument("--on", choices=list(SETUPS), default="max")
    ap.add_argument("--word", type=lambda s: int(s, 16), help="print the cases of one entry instead")
    ap.add_argument("--list", action="store_true", help="print a hash for each entry instead")
    ap.add_argument("--reference", action="store_true", help="print what qemu-arm makes of --list, --word or all")
    ap.add_argument("--make-keys", action="store_true")
    ap.add_argument("--keep", metavar="DIR", help="leave what was built there")
    for name in ("rows", "sequences", "seed"):
        ap.add_argument("--" + name, type=int)
    ap.add_argument("--only")
    return ap


def main():
    ap = options()
    args = ap.parse_args()
    if not shutil.which(CC):
        print("no %s: skipped" % CC)
        return SKIP
    if not (args.emulator or args.make_keys or args.reference):
        ap.error("give --emulator, --reference or --make-keys")
    with tempfile.TemporaryDirectory() as tmp:
        outdir = args.keep or tmp
        if args.make_keys:
            make_keys(args, outdir)
        elif args.reference:
            cpu, cases, _ = SETUPS[args.on]
            print(reference(args, build(args, outdir, cases, True), cpu))
        else:
            return run(args, outdir)
    return 0


if __name__ == "__main__":
    sys.exit(main())
