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
PROGRAMS = {"real": "-m32", "protected": "-m32", "vm86": "-m32", "paging": "-m32", "float": "-m32", "long": "-m64", "vector": "-m64", "step": "-m64", "insns": "-m64"}
ENGINES = {"interp": "engine=interp", "jit": "thread=multi", "one": "one-insn-per-tb=on", "regions": "regions=all", "lockstep": "lockstep=on"}
TIMEOUT = 120
# Rows without a program, and why.
NOT_RUN = {}


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


def run(args, name, image, engine, more):
    """None, or what went wrong."""
    try:
        p = subprocess.run(command(args, image, engine) + more, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True, errors="replace", timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return "no end after %d seconds" % TIMEOUT
    if p.stdout == "P\n" and p.returncode == 1:
        return None
    m = re.match(r"F(\d\d)", p.stdout)
    what = prove_name(name, int(m.group(1))) if m else "exit status %d" % p.returncode
    return "%s: %s %s" % (what, p.stdout[:80].strip(), p.stderr[:300].strip())


def instructions(path):
    """Lines for x86_seen_rows: what a log of translated code has."""
    found, mode = set(), "0"
    for line in open(path):
        m = re.match(r"IN: cpu 0, mode 0x(\w+)", line)
        mode = m.group(1) if m else mode
        m = re.match(r"0x\w+: ((?: [0-9a-f]{2}\b)+)", line)
        if m:
            found.add(mode + m.group(1))
    return found


def missing_rows(args, logs):
    """None, or the rows of the opcode maps that neither these programs run nor isa-x86-native."""
    lines = set().union(*map(instructions, logs))
    p = subprocess.run([args.rows], input="\n".join(sorted(lines)) + "\n", stdout=subprocess.PIPE, text=True)
    left = [row for row in p.stdout.splitlines() if row.split(",")[0] not in NOT_RUN]
    return "\n".join(["rows that no program runs:"] + left) if left or p.returncode not in (0, 1) else None


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--emulator")
    ap.add_argument("--engine", action="append", choices=ENGINES)
    ap.add_argument("--reference")
    ap.add_argument("--rows", help="the program x86_seen_rows: see that every row of the opcode maps is run")
    args = ap.parse_args()
    bad, logs = 0, []
    with tempfile.TemporaryDirectory() as outdir:
        for name in PROGRAMS:
            if args.reference and name in ("vm86", "float", "vector", "step", "insns"): # no VME, a simpler x87, no #XM, other steps, RDPID
                continue
            image = build(name, outdir, args.reference)
            engines = ["interp", "jit"] + (["regions"] if name == "vector" else [])
            for engine in ["reference"] if args.reference else args.engine or engines:
                logged = args.rows and engine == "interp"
                if logged:
                    logs.append(os.path.join(outdir, name + ".log"))
                error = run(args, name, image, engine, ["-d", "in_asm", "-D", logs[-1]] if logged else [])
                print("%s %s-%s%s" % ("not ok" if error else "ok", name, engine, ": " + error if error else ""))
                bad += error is not None
        if args.rows:
            error = missing_rows(args, logs)
            print("not ok rows: " + error if error else "ok rows")
            bad += error is not None
    sys.exit(bad > 0)


main()
