#!/usr/bin/env python3
"""Build and run the bare programs of this directory.

  run.py --emulator build/tinamou [--cpus] [--engine NAME ...] [-k PROGRAM] [--reference "COMMAND"]

A program prints what differs from what it wants, and nothing more.  With --cpus: features.c on every model of -cpu help, and with
each feature of 'max' off.
"""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# Sources, the widths of code that they are built for, and processors.
PROGRAMS = [("walks", 32, "max"), ("walks", 64, "max"), ("walks", 32, "max,phys-bits=36"), ("walks", 64, "max,phys-bits=52"),
            ("segments", 32, "max"), ("segments", 64, "max"), ("watch", 32, "max"), ("watch", 64, "max"),
            ("pairs", 32, "max"), ("pairs", 64, "max")]
FEATURES = "features"
CFLAGS = ["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-fno-pic", "-no-pie", "-fno-stack-protector",
          "-fno-asynchronous-unwind-tables", "-fcf-protection=none", "-mgeneral-regs-only", "-mno-red-zone", "-nostdlib", "-static",
          "-Wl,-T," + os.path.join(HERE, "bare.ld"), "-Wl,--build-id=none", "-Wl,--oformat=binary", "-I", os.path.join(HERE, "..", "..", "..")]
WIDTHS = {32: ["-m32", "-march=i486"], 64: ["-m64"]}
ENGINES = {"interp": "engine=interp", "jit": "thread=multi"}
TIMEOUT = 60
SAVED = 1  # the status of isa-debug-exit for a program without differences
LM_WORD, LM_BIT = 5, 29
MODELS = 20  # at least
# -smp, and what leaves 0xb and 1 make of it: bits and number of threads, of a package's processors; HT.
TOPOLOGIES = {"sockets=2,cores=3,threads=2": "1 2 3 6 6 1", "sockets=3": "0 1 0 1 1 0", "sockets=1,cores=4": "0 1 2 4 4 1", "1": "0 1 0 1 1 0"}


def build(name, width, outdir):
    image = os.path.join(outdir, "%s%d.bin" % (name, width))
    sources = [os.path.join(HERE, s) for s in ("start.S", "bare.c", name + ".c", name + "_probes.S")]
    subprocess.run(["gcc"] + WIDTHS[width] + CFLAGS + ["-o", image] + [s for s in sources if os.path.exists(s)], check=True)
    return image


def run(args, image, cpu="max", engine="jit", arch="x86_64", more=()):
    """(output, what went wrong or None)"""
    cmd = args.reference.split() if args.reference else [args.emulator, "-arch", arch, "-accel", "tcg," + ENGINES[engine]]
    cmd += ["-cpu", cpu, "-M", "isapc", "-m", "16", "-display", "none", "-bios", image, "-serial", "none", "-monitor", "none",
            "-chardev", "stdio,id=out", "-device", "isa-debugcon,iobase=0xe9,chardev=out",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=1"]
    try:
        p = subprocess.run(cmd + list(more), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                           errors="replace", timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return "", "no end after %d seconds" % TIMEOUT
    out = "\n".join(line for line in p.stdout.splitlines() if not line.startswith(("features ", "topology ")))
    bad = p.returncode != SAVED or out
    return p.stdout, "status %d: %s %s" % (p.returncode, out[:2000], p.stderr[:300]) if bad else None


def check_cpu(args, images, cpu, arch):
    """What goes wrong on a processor, in 32-bit and in 64-bit mode."""
    out, error = run(args, images[32], cpu, arch=arch)
    wrong = ["%s -cpu %s, 32-bit mode: %s" % (arch, cpu, error)] if error else []
    words = (out.splitlines() or [""])[0].split()[1:]
    if len(words) > LM_WORD and int(words[LM_WORD], 16) >> LM_BIT & 1:
        _, error = run(args, images[64], cpu, arch=arch)
        wrong += ["%s -cpu %s, 64-bit mode: %s" % (arch, cpu, error)] if error else []
    return wrong


def check_topology(args, image, smp):
    out, error = run(args, image, "Haswell", more=["-M", "q35", "-smp", smp])
    found = re.search("^topology (.*)$", out, re.M)
    if error or not found or found.group(1) != TOPOLOGIES[smp]:
        return ["-smp %s: %s, wanted %s" % (smp, error or found and found.group(1), TOPOLOGIES[smp])]
    return []


def cpus(args):
    """Pairs of what -cpu and -arch take."""
    text = subprocess.run([args.emulator, "-arch", "x86_64", "-cpu", "help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    models, flags = text.split("Recognized CPUID flags:")
    names = re.findall(r"^(\S+)", models, re.M)
    if len(names) < MODELS:
        sys.exit("-cpu help lists %d models only" % len(names))
    return ([(name, "x86_64") for name in names] + [("max,-" + flag, "x86_64") for flag in flags.split()] +
            [(name, "i386") for name in ("486", "pentium3", "qemu32", "Haswell", "EPYC", "max")])


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--emulator")
    ap.add_argument("--cpus", action="store_true")
    ap.add_argument("--engine", action="append", choices=ENGINES)
    ap.add_argument("--reference")
    ap.add_argument("-k", default="")
    args = ap.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as outdir:
        if args.cpus:
            images = {width: build(FEATURES, width, outdir) for width in (32, 64)}
            with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
                for (cpu, arch), wrong in zip(cpus(args), pool.map(lambda c: check_cpu(args, images, *c), cpus(args))):
                    print("\n".join("not ok " + w for w in wrong) or "ok %s-%s" % (arch, cpu))
                    bad += len(wrong)
            for smp in TOPOLOGIES:
                wrong = check_topology(args, images[32], smp)
                print("\n".join("not ok " + w for w in wrong) or "ok -smp %s" % smp)
                bad += len(wrong)
        for name, width, cpu in (p for p in PROGRAMS if not args.cpus and args.k in p[0]):
            image = build(name, width, outdir)
            for engine in args.engine or ENGINES:
                _, error = run(args, image, cpu, engine=engine)
                print("%s %s%d-%s-%s%s" % ("not ok" if error else "ok", name, width, cpu, engine, ": " + error if error else ""))
                bad += error is not None
    sys.exit(bad > 0)


main()
