#!/usr/bin/env python3
"""Build and run the programs of arm_m/, which test M-profile processors, on each engine.

  run_arm_m.py --emulator build/tinamou [-k WORD] [--engine NAME ...] [--reference qemu-system-arm]

Lines "RUN: cpu=MODEL board=NAME" in a program's first comment say on what it runs.  It prints PASS, or FAIL and what
went wrong, by semihosting.  With --reference that emulator runs them, to test the tests; what it is known to do otherwise
is left out there (#ifndef REFERENCE).
"""
import argparse
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

import run_arm

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(TOP, "tests/isa/arm_m")
CC = "arm-none-eabi-gcc"
FLAGS = ["-mthumb", "-O1", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-nostdlib", "-I", TOP, "-T", os.path.join(HERE, "m.ld"),
         "-Wl,--build-id=none", "-Wl,--no-warn-rwx-segments"]
FPU = {"cortex-m4": "fpv4-sp-d16", "cortex-m7": "fpv5-d16", "cortex-m33": "fpv5-sp-d16"}
# Where memory is, if it is elsewhere.
PLACE = {"mps2-an505": ["-Wl,--defsym=CODE_AT=0x10000000", "-Wl,--defsym=DATA_AT=0x30000000"]}


def flags_of(cpu, reference):
    fpu = ["-mfloat-abi=softfp", "-mfpu=" + FPU[cpu]] if cpu in FPU else ["-mfloat-abi=soft"]
    return ["-mcpu=" + cpu] + fpu + (["-DREFERENCE"] if reference else [])


def build(path, keys, elf, reference):
    """None, or what the compiler said."""
    flags = FLAGS + flags_of(keys["cpu"], reference) + PLACE.get(keys["board"], [])
    p = subprocess.run([CC] + flags + ["-o", elf, os.path.join(HERE, "start.c"), path],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return p.stdout if p.returncode else None


def run_case(args, outdir, path, keys, engine):
    elf = os.path.join(outdir, "%s-%s-%s.elf" % (os.path.basename(path)[:-2], keys["cpu"], engine))
    error = build(path, keys, elf, engine == "reference")
    if error:
        return "does not compile: " + error
    how = ["-M", keys["board"], "-semihosting", "-kernel", elf, "-display", "none", "-serial", "none", "-monitor", "none"]
    if engine == "reference":
        status, text = run_arm.run([args.reference] + how)
    else:
        status, text = run_arm.run([args.emulator, "-arch", "arm", "-accel", "tcg," + run_arm.ENGINES[engine]] + how)
    if status == 0 and re.search(r"^PASS$", text, re.M):
        return None
    return "%s; output: %s" % ("timed out" if status is None else "exit status %s" % status, text.strip()[-300:] or "none")


def cases(args):
    for path in sorted(glob.glob(os.path.join(HERE, "*.c"))):
        with open(path) as f:
            runs = re.findall(r"RUN: cpu=(\S+) board=(\S+)", re.sub(r"\n \* ", " ", f.read(4096)))
        for cpu, board in runs:
            keys = {"cpu": cpu, "board": board}
            if re.search(args.k, path + " " + keys["cpu"]):
                yield path, keys


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--emulator", default="build/tinamou")
    ap.add_argument("--engine", action="append", choices=sorted(run_arm.ENGINES), help="default: jit and interp")
    ap.add_argument("--reference", help="another system emulator, to test the tests")
    ap.add_argument("-k", default="", help="only tests whose path and CPU match")
    ap.add_argument("--jobs", type=int, default=os.cpu_count())
    args = ap.parse_args()
    if not shutil.which(CC):
        print("0 passed, 0 failed, 1 skipped (no %s)" % CC)
        return 77
    engines = args.engine or (["reference"] if args.reference else ["jit", "interp"])
    report = run_arm.Report()
    with tempfile.TemporaryDirectory() as tmp, concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        jobs = [(path, keys, e) for path, keys in cases(args) for e in engines]
        for (path, keys, e), problem in zip(jobs, pool.map(lambda j: run_case(args, tmp, *j), jobs)):
            report.add("%s on %s, %s" % (os.path.basename(path), keys["cpu"], e), problem)
    print("%d passed, %d failed, %d skipped" % (report.passed, report.failed, report.skipped))
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
