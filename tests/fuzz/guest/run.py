#!/usr/bin/env python3
"""Run guests that do their worst: the emulator must neither crash nor hang, and must end at SIGTERM.

  run.py --emulator build/tinamou [--seconds N] [--seed S] [-k WORD]
"""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CC = "riscv64-linux-gnu-gcc"
KINDS = ["TRAPS", "BAD_USER", "ACCESS", "CODE", "SELF"]
ENGINES = ["jit", "interp"]
GRACE = 10  # seconds from SIGTERM to the end


def build(kind, seed, outdir):
    elf = os.path.join(outdir, "%s-%d.elf" % (kind, seed))
    subprocess.run([CC, "-march=rv64gc", "-mabi=lp64d", "-nostdlib", "-static", "-fno-pic", "-DWILD_" + kind, "-DSEED=%d" % seed,
                    "-Wl,-Ttext=0x80000000", "-Wl,--build-id=none", "-Wl,-N,--no-warn-rwx-segments", "-o", elf,
                    os.path.join(HERE, "wild.S")], check=True)
    return elf


def try_one(args, elf, engine, harts):
    """None when all is well, or what is wrong."""
    cmd = [args.emulator, "-arch", "riscv64", "-M", "virt", "-cpu", "max", "-smp", str(harts),
           "-accel", "tcg,tb-size=1,engine=" + engine, "-bios", "none",
           "-kernel", elf, "-display", "none", "-serial", "null"]
    with tempfile.TemporaryFile() as err:
        p = subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err)
        deadline = time.monotonic() + args.seconds
        while p.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if p.poll() is None:
            p.send_signal(signal.SIGTERM)
            try:
                p.wait(GRACE)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
                return "still there %d s after SIGTERM" % GRACE
        err.seek(0)
        text = err.read().decode("utf-8", "replace").strip()
    if p.returncode < 0 or "Sanitizer" in text or "runtime error" in text:
        return "ended by signal %d: %s" % (-p.returncode, text[-2000:])
    return None


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--emulator", default="build/tinamou")
    ap.add_argument("--seconds", type=float, default=1.5, help="for each guest")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("-k", default="", help="only kinds that contain this")
    args = ap.parse_args()
    if not shutil.which(CC):
        print("0 passed, 0 failed, 1 skipped (no %s)" % CC)
        return 77
    passed = failed = 0
    with tempfile.TemporaryDirectory() as tmp:
        for kind in (k for k in KINDS if args.k.upper() in k):
            elf = build(kind, args.seed, tmp)
            for engine in ENGINES:
                for harts in (1, 3):
                    problem = try_one(args, elf, engine, harts)
                    passed += problem is None
                    failed += problem is not None
                    if problem:
                        print("FAIL %s seed %d on %s, %d harts: %s" % (kind, args.seed, engine, harts, problem), flush=True)
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
