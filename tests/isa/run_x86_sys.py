#!/usr/bin/env python3
"""Build and run the bare programs of x86sys/ on each engine: segments, gates, tasks, exceptions, paging.

  run_x86_sys.py --emulator build/tinamou [--engine NAME ...] [--reference qemu-system-x86_64]

A program is a ROM that starts at the reset vector of machine 'isapc'.  It prints P, or F and the number of the PROVE that
failed, the last vector and its error code.  With --reference the programs run on another emulator, built with LENIENT: without
what that one is known to leave out.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(HERE, "x86sys")
PROGRAMS = {"real": "-m32", "protected": "-m32", "vm86": "-m32", "paging": "-m32", "float": "-m32", "long": "-m64", "vector": "-m64", "step": "-m64"}
ENGINES = {"interp": "engine=interp", "jit": "thread=multi", "one": "one-insn-per-tb=on", "regions": "regions=all", "lockstep": "lockstep=on"}
TIMEOUT = 120


def build(name, outdir, lenient):
    image = os.path.join(outdir, name + ".bin")
    cmd = ["gcc", PROGRAMS[name], "-nostdlib", "-static", "-ffreestanding", "-fno-pic", "-no-pie", "-I", SOURCES,
           "-Wl,-T," + os.path.join(SOURCES, "link.ld"), "-Wl,--build-id=none", "-Wl,--oformat=binary", "-o", image,
           os.path.join(SOURCES, name + ".S")] + (["-DLENIENT"] if lenient else [])
    subprocess.run(cmd, check=True)
    return image


def command(args, image, engine):
    common = ["-M", "isapc", "-m", "16", "-display", "none", "-bios", image, "-serial", "none", "-monitor", "none",
              "-chardev", "stdio,id=out", "-device", "isa-debugcon,iobase=0xe9,chardev=out",
              "-device", "isa-debug-exit,iobase=0xf4,iosize=1"]
    if args.reference:
        return [args.reference, "-cpu", "qemu64", "-net", "none"] + common
    return [args.emulator, "-arch", "x86_64", "-cpu", "max", "-accel", "tcg," + ENGINES[engine]] + common


def prove_name(name, number):
    """What the PROVE of a number is about."""
    text = subprocess.run(["gcc", "-E", "-P", "-I", SOURCES, os.path.join(SOURCES, name + ".S")], stdout=subprocess.PIPE,
                          text=True).stdout
    names = re.findall(r"^\s*PROVE (.*?)\s*$", text, re.M)
    return names[number - 1] if 0 < number <= len(names) else "?"


def run(args, name, image, engine):
    """None, or what went wrong."""
    try:
        p = subprocess.run(command(args, image, engine), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True, errors="replace", timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return "no end after %d seconds" % TIMEOUT
    if p.stdout == "P\n" and p.returncode == 1:
        return None
    m = re.match(r"F(\d\d)", p.stdout)
    what = prove_name(name, int(m.group(1))) if m else "exit status %d" % p.returncode
    return "%s: %s %s" % (what, p.stdout[:80].strip(), p.stderr[:300].strip())


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--emulator")
    ap.add_argument("--engine", action="append", choices=ENGINES)
    ap.add_argument("--reference")
    args = ap.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as outdir:
        for name in PROGRAMS:
            if args.reference and name in ("vm86", "float", "vector", "step"): # no VME, a simpler x87, no #XM, other steps
                continue
            image = build(name, outdir, args.reference)
            engines = ["interp", "jit"] + (["regions"] if name == "vector" else [])
            for engine in ["reference"] if args.reference else args.engine or engines:
                error = run(args, name, image, engine)
                print("%s %s-%s%s" % ("not ok" if error else "ok", name, engine, ": " + error if error else ""))
                bad += error is not None
    sys.exit(bad > 0)


main()
