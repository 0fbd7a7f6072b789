#!/usr/bin/env python3
"""Build and run the guest instruction tests on each engine, and compare the engines on random programs.

  run.py --emulator build/tinamou [-k WORD] [--engine NAME ...] [--random N] [--loops N] [--seed S]

A test is riscv/NAME.S, or riscv/gen_NAME.py, which prints one (argument: 32 or 64).  Lines "RUN: KEY=VALUE ..." in its
first comment say how: xlen=32|64, march=EXTENSIONS (of the assembler, after rv64 or rv32), cpu=MODEL and properties, smp=HARTS,
qemu=MODEL (for --reference).  A program prints F and the number of the first TEST that fails, or P.
With --reference the tests run on another emulator, to test the tests.

Engines are interp, jit (translator, with regions where it finds busy loops), units (translator without regions), regions (a
region of every loop from its first turn on), and lockstep and lockregions (which compare translator and interpreter, unit by unit).
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

HERE = os.path.dirname(os.path.abspath(__file__))
RISCV = os.path.join(HERE, "riscv")
CC = "riscv64-linux-gnu-gcc"
ABI = {"32": "ilp32", "64": "lp64"}
TIMEOUT = 240 # lockstep under sanitizers is slow
ENGINES = {"interp": "engine=interp", "jit": "engine=jit", "units": "regions=off", "regions": "regions=all",
           "lockstep": "lockstep=on", "lockregions": "lockstep=on,regions=all"}
RANDOM = ["interp", "units", "regions"]  # what random programs are compared on


class Case:
    """One program: a source, one of its RUN lines."""

    def __init__(self, path, keys):
        self.path, self.keys = path, keys
        self.xlen = keys.get("xlen", "64")
        self.name = "%s-rv%s%s" % (re.sub(r"^gen_|\.(S|py)$", "", os.path.basename(path)), self.xlen,
                                   "-" + keys["as"] if "as" in keys else "")
        self.elf = self.error = None

    def build(self, outdir):
        source = self.path
        if source.endswith(".py"):
            source = os.path.join(outdir, self.name + ".S")
            with open(source, "w") as f:
                subprocess.run([sys.executable, self.path, self.xlen, self.keys.get("only", "")], stdout=f, check=True)
        self.source = source
        self.elf = os.path.join(outdir, self.name + ".elf")
        base = "rv%s" % self.xlen + self.keys.get("march", "gc_zba_zbb_zbc_zbs_zfh_zicbom_zicbop_zicboz_svinval_zawrs")
        cmd = [CC, "-march=rv%sgc" % self.xlen, "-Wa,-march=" + base, "-mabi=" + ABI[self.xlen], "-nostdlib", "-static", "-fno-pic", "-I", RISCV, "-Wl,-Ttext=0x80000000",
               "-Wl,--build-id=none", "-Wl,-N", "-o", self.elf, source]
        p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if p.returncode:
            self.error = p.stdout

    def test_name(self, number):
        """What TEST number is about."""
        text = subprocess.run([CC, "-march=rv%sgc" % self.xlen, "-mabi=" + ABI[self.xlen], "-E", "-P", "-I", RISCV, self.source],
                              stdout=subprocess.PIPE, text=True).stdout
        names = re.findall(r"^\s*TEST (.*?)\s*$", text, re.M)
        return names[number - 1] if 0 < number <= len(names) else "?"


def cases_of(path):
    with open(path) as f:
        runs = re.findall(r"RUN:(.*)", f.read(4096))
    if not runs:
        runs = ["xlen=64 cpu=max", "xlen=32 cpu=max"]
    for run in runs:
        keys = dict(w.split("=", 1) for w in run.replace("*/", "").split())
        yield Case(path, keys)


def command(args, case, engine):
    smp = case.keys.get("smp", "1")
    if args.reference:
        return ["%s%s" % (args.reference, case.xlen), "-M", "virt", "-cpu", case.keys["qemu"], "-smp", smp, "-bios", "none",
                "-kernel", case.elf, "-nographic"]
    return [args.emulator, "-arch", "riscv" + case.xlen, "-M", "virt",
            "-cpu", case.keys.get("cpu", "max"), "-smp", smp, "-accel", "tcg," + ENGINES[engine]] + args.extra.split() + [
                "-bios", "none", "-kernel", case.elf, "-nographic"]


def run(cmd):
    """(status, output); status None after a time-out."""
    try:
        p = subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT)
        return p.returncode, p.stdout.decode("utf-8", "replace")
    except subprocess.TimeoutExpired as e:
        return None, (e.stdout or b"").decode("utf-8", "replace")


def judge(case, status, text):
    """None when it passed, or what is wrong."""
    m = re.search(r"^(T.)? ?F(\d+)\r?$", text, re.M)
    if m:
        trap = " (unexpected trap %d)" % (ord(m.group(1)[1]) - 48) if m.group(1) else ""
        return "test %d: %s%s" % (int(m.group(2)), case.test_name(int(m.group(2))), trap)
    if status == 0 and re.search(r"^P\r?$", text, re.M):
        return None
    return "%s; output: %s" % ("timed out" if status is None else "exit status %s" % status, text.strip()[-300:] or "none")


def run_case(args, case, engine):
    if case.error:
        return "does not assemble: " + case.error
    return judge(case, *run(command(args, case, engine)))


class Report:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, name, problem):
        if problem is None:
            self.passed += 1
        else:
            self.failed += 1
            print("FAIL %s: %s" % (name, problem), flush=True)


def comparable(case, engine):
    """Between two runs of one unit another hart may change the memory that it reads."""
    return not (engine.startswith("lock") and case.keys.get("smp", "1") != "1")


def run_tests(args, pool, outdir, report, engines):
    paths = sorted(glob.glob(os.path.join(RISCV, "*.S")) + glob.glob(os.path.join(RISCV, "gen_*.py")))
    cases = [c for p in paths for c in cases_of(p)]
    cases = [c for c in cases if re.search(args.k, c.name)]
    if args.reference:
        report.skipped += sum("qemu" not in c.keys for c in cases)
        cases = [c for c in cases if "qemu" in c.keys]
    list(pool.map(lambda c: c.build(outdir), cases))
    jobs = [(c, e) for c in cases for e in engines if comparable(c, e)]
    for (c, e), problem in zip(jobs, pool.map(lambda j: run_case(args, *j), jobs)):
        report.add("%s on %s" % (c.name, e), problem)


def difference(a, b):
    """Where two outputs differ first."""
    a, b = a.split("\n"), b.split("\n")
    for n, (x, y) in enumerate(zip(a, b)):
        if x != y:
            return "line %d is %s here, %s there" % (n + 1, x.strip()[-60:], y.strip()[-60:])
    return "%d lines here, %d there" % (len(a), len(b))


def compare_random(args, outdir, engines, kind, seed):
    """A random program prints checksums of what it did, which must be the same everywhere. None, or what is wrong."""
    case = Case(os.path.join(outdir, "%s-%d.S" % (kind.__name__, seed)), {"xlen": "32" if seed % 4 == 3 else "64", "cpu": "max"})
    case.name = "%s-%d" % (kind.__name__, seed)
    with open(case.path, "w") as f:
        f.write(kind.program(seed, int(case.xlen)))
    case.build(outdir)
    if case.error:
        return "does not assemble: " + case.error
    status, text = run(command(args, case, engines[0]))
    if status != 0 or "END" not in text:
        return "on %s: exit status %s: %s" % (engines[0], status, text[-200:])
    for e in engines[1:]:
        other = run(command(args, case, e))
        if other != (status, text):
            return "%s and %s differ: exit status %s and %s, %s" % (engines[0], e, status, other[0], difference(text, other[1]))
    return None


def run_random(args, pool, outdir, report, engines):
    sys.path.insert(0, os.path.join(RISCV, "random"))
    import generate
    import loops
    jobs = [(kind, args.seed + i) for kind, n in ((generate, args.random), (loops, args.loops)) for i in range(n)]
    for (kind, seed), problem in zip(jobs, pool.map(lambda j: compare_random(args, outdir, engines, *j), jobs)):
        report.add("%s-%d" % (kind.__name__, seed), problem)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--emulator", default="build/tinamou")
    ap.add_argument("--engine", action="append", choices=sorted(ENGINES),
                    help="default: jit and interp, or %s for random programs" % ", ".join(RANDOM))
    ap.add_argument("--extra", default="", help="more options of the emulator")
    ap.add_argument("--reference", help="run on this instead, for example qemu-system-riscv")
    ap.add_argument("-k", default="", help="only tests whose name matches")
    ap.add_argument("--random", type=int, default=0, help="random programs to compare the engines on")
    ap.add_argument("--loops", type=int, default=0, help="random programs of loops, likewise")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--jobs", type=int, default=os.cpu_count())
    ap.add_argument("--keep", help="directory for the programs, kept")
    args = ap.parse_args()
    if not shutil.which(CC):
        print("0 passed, 0 failed, 1 skipped (no %s)" % CC)
        return 77
    random = args.random or args.loops
    engines = ["reference"] if args.reference else args.engine or (RANDOM if random else ["jit", "interp"])
    report = Report()
    with tempfile.TemporaryDirectory() as tmp, concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        outdir = args.keep or tmp
        os.makedirs(outdir, exist_ok=True)
        if not random:
            run_tests(args, pool, outdir, report, engines)
        else:
            run_random(args, pool, outdir, report, engines)
    print("%d passed, %d failed, %d skipped" % (report.passed, report.failed, report.skipped))
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
