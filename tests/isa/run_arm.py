#!/usr/bin/env python3
"""Build and run the Arm guest instruction tests on each engine, and compare random programs with another emulator.

  run_arm.py --emulator build/tinamou [-k WORD] [--engine NAME ...] [--random N] [--seed S] [--reference "qemu-aarch64 -cpu max"]

A test is aarch64/NAME.S; lines "RUN: KEY=VALUE ..." in its first comment say how: cpu=MODEL and properties, march=EXTENSIONS (of
the assembler).  A program prints F and the number of the first TEST that fails, or P, by semihosting.  With --reference, a
system emulator, they run on that, to test the tests.

Random programs (aarch64/random/generate.py) print checksums.  Those that another emulator printed are known by their hashes in
aarch64/random/keys.txt: "SEED PROGRAM OUTPUT".  With --reference that emulator runs them, too, and must print the same; with
--update the hashes are written.  A hash of another program of the same seed, from tables that have changed since, is skipped.
"""
import argparse
import concurrent.futures
import glob
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
AARCH64 = os.path.join(HERE, "aarch64")
RANDOM = os.path.join(AARCH64, "random")
KEYS = os.path.join(RANDOM, "keys.txt")
CC = "aarch64-linux-gnu-gcc"
TIMEOUT = 240  # lockstep under sanitizers is slow
ENGINES = {"interp": "engine=interp", "jit": "engine=jit", "units": "regions=off", "regions": "regions=all",
           "lockstep": "lockstep=on", "lockregions": "lockstep=on,regions=all"}
RANDOM_ENGINES = ["interp", "units", "regions"]
LINK = ["-nostdlib", "-static", "-Wl,-Ttext=0x40080000", "-Wl,-N", "-Wl,--build-id=none", "-Wl,--no-warn-rwx-segments"]

sys.path.insert(0, RANDOM)
import generate  # noqa: E402


def run(cmd):
    """(status, output); status None after a time-out."""
    try:
        p = subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT)
        return p.returncode, p.stdout.decode("utf-8", "replace")
    except subprocess.TimeoutExpired as e:
        return None, (e.stdout or b"").decode("utf-8", "replace")


def assemble(source, elf, include, flags):
    """None, or what the assembler said."""
    p = subprocess.run([CC] + LINK + ["-I", include] + flags + ["-o", elf, source], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True)
    return p.stdout if p.returncode else None


def emulate(args, elf, engine, cpu):
    how = ["-M", "virt", "-cpu", cpu, "-semihosting", "-kernel", elf, "-display", "none", "-serial", "none", "-monitor", "none"]
    if engine == "reference":
        return run([args.reference] + how)
    return run([args.emulator, "-arch", "aarch64", "-accel", "tcg," + ENGINES[engine]] + how + args.extra.split())


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Report:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, name, problem):
        self.passed += problem is None
        self.failed += problem is not None
        if problem:
            print("FAIL %s: %s" % (name, problem), flush=True)


# --- tests that know what is right ------------------------------------------------------------------------------------


class Case:
    """One program: a source and one of its RUN lines."""

    def __init__(self, path, keys, outdir):
        self.path, self.keys = path, keys
        self.name = os.path.basename(path)[:-2] + ("-" + keys["as"] if "as" in keys else "")
        self.elf = os.path.join(outdir, self.name + ".elf")
        self.error = assemble(path, self.elf, AARCH64, self.flags())

    def flags(self):
        return ["-march=armv8.5-a" + self.keys.get("march", "")]

    def test_name(self, number):
        text = subprocess.run([CC, "-E", "-P", "-I", AARCH64, self.path], stdout=subprocess.PIPE, text=True).stdout
        names = re.findall(r"^\s*TEST (.*?)\s*$", text, re.M)
        return names[number - 1] if 0 < number <= len(names) else "?"


def cases_of(path, outdir):
    with open(path) as f:
        runs = re.findall(r"RUN:(.*)", f.read(4096)) or ["cpu=max"]
    for line in runs:
        yield Case(path, dict(w.split("=", 1) for w in line.replace("*/", "").split()), outdir)


def run_case(args, case, engine):
    if case.error:
        return "does not assemble: " + case.error
    status, text = emulate(args, case.elf, engine, case.keys.get("cpu", "max"))
    m = re.search(r"^F([0-9a-f]{8})(.*)$", text, re.M)
    if m:
        return "test %d: %s%s" % (int(m.group(1), 16), case.test_name(int(m.group(1), 16)), m.group(2))
    if status == 0 and re.search(r"^P$", text, re.M):
        return None
    return "%s; output: %s" % ("timed out" if status is None else "exit status %s" % status, text.strip()[-300:] or "none")


def run_tests(args, pool, outdir, report, engines):
    paths = [p for p in sorted(glob.glob(os.path.join(AARCH64, "*.S"))) if re.search(args.k, p)]
    cases = [c for p in paths for c in cases_of(p, outdir)]
    jobs = [(c, e) for c in cases for e in engines]
    for (c, e), problem in zip(jobs, pool.map(lambda j: run_case(args, *j), jobs)):
        report.add("%s on %s" % (c.name, e), problem)


# --- random programs --------------------------------------------------------------------------------------------------


def read_keys():
    keys = {}
    if os.path.exists(KEYS):
        with open(KEYS) as f:
            for line in f:
                words = line.split("#")[0].split()
                if len(words) == 3:
                    keys[int(words[0])] = words[1:]
    return keys


def first_difference(a, b):
    for n, (x, y) in enumerate(zip(a.split("\n"), b.split("\n"))):
        if x != y:
            return "block %d" % n
    return "%d lines, %d lines" % (a.count("\n"), b.count("\n"))


class Random:
    """A random program, where it was built and what it is known to print."""

    def __init__(self, args, outdir, seed):
        self.seed, self.args = seed, args
        self.text = generate.program(seed, args.blocks, [x for x in args.only.split(",") if x])
        self.stem = os.path.join(outdir, "random-%d" % seed)
        with open(self.stem + ".S", "w") as f:
            f.write(self.text)

    def build(self, user):
        elf = self.stem + (".user" if user else ".elf")
        return elf, assemble(self.stem + ".S", elf, RANDOM, ["-DUSER"] if user else [])

    def reference(self):
        """What the other emulator prints; None when it fails."""
        elf, error = self.build(True)
        status, text = (1, error) if error else run(shlex.split(self.args.reference) + [elf])
        return (text, None) if status == 0 else (None, "reference: exit status %s: %s" % (status, text[-300:]))

    def compare(self, engines, want):
        """want: an output, or a hash of it, or None."""
        elf, error = self.build(False)
        if error:
            return "does not assemble: " + error
        first = None
        for e in engines:
            status, text = emulate(self.args, elf, e, "max")
            if status != 0:
                return "on %s: exit status %s: %s" % (e, status, text[-300:])
            if want not in (None, text, digest(text)):
                return "on %s: differs from the reference%s" % (e, ": " + first_difference(want, text) if "\n" in want else "")
            if first is not None and text != first:
                return "%s and %s differ: %s" % (engines[0], e, first_difference(first, text))
            first = text
        return None


def run_random(args, pool, outdir, report, engines):
    keys, new = read_keys(), {}

    def one(seed):
        r, want, problem = Random(args, outdir, seed), None, None
        if args.reference:
            want, problem = r.reference()
            if want:
                new[seed] = (digest(r.text), digest(want))
        elif seed in keys and not args.only:
            if keys[seed][0] == digest(r.text):
                want = keys[seed][1]
            else:
                report.skipped += 1  # engines are still compared
        return seed, problem or r.compare(engines, want)

    for seed, problem in pool.map(one, range(args.seed, args.seed + args.random)):
        report.add("random-%d" % seed, problem)
    if args.update:
        with open(KEYS, "w") as f:
            f.write("# Hashes of random programs and of what they print: run_arm.py --random N --reference EMULATOR --update\n")
            for seed, (program, output) in sorted({**keys, **new}.items()):
                f.write("%d %s %s\n" % (seed, program, output))


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--emulator", default="build/tinamou")
    ap.add_argument("--engine", action="append", choices=sorted(ENGINES),
                    help="default: jit and interp, or %s for random programs" % ", ".join(RANDOM_ENGINES))
    ap.add_argument("--extra", default="", help="more options of the emulator")
    ap.add_argument("--reference", help="run the tests on this system emulator, or compare random programs with this user-mode one")
    ap.add_argument("--update", action="store_true", help="with --reference: write keys.txt")
    ap.add_argument("-k", default="", help="only tests whose path matches")
    ap.add_argument("--random", type=int, default=0, help="random programs")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--blocks", type=int, default=60)
    ap.add_argument("--only", default="", help="rows of the decode tables for random programs, joined by commas")
    ap.add_argument("--jobs", type=int, default=os.cpu_count())
    ap.add_argument("--keep", help="directory for the programs, kept")
    args = ap.parse_args()
    if not shutil.which(CC):
        print("0 passed, 0 failed, 1 skipped (no %s)" % CC)
        return 77
    engines = args.engine or (RANDOM_ENGINES if args.random else ["reference"] if args.reference else ["jit", "interp"])
    report = Report()
    with tempfile.TemporaryDirectory() as tmp, concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        outdir = args.keep or tmp
        os.makedirs(outdir, exist_ok=True)
        (run_random if args.random else run_tests)(args, pool, outdir, report, engines)
    print("%d passed, %d failed, %d skipped" % (report.passed, report.failed, report.skipped))
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
