#!/usr/bin/env python3
"""Programs for Hyp and Monitor mode, debug and short vectors on a bare machine: what they print against what their sources say.

  levels.py --emulator build/tinamou [--engine jit|interp]

"RUN:" in the first comment of levels_NAME.S has the machine's options, "CPU:" the processor, if it is no cortex-a15, "WANT:" lines
the words that it prints, with a remark behind each.
"""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CC = "arm-linux-gnueabihf-gcc"
SKIP = 77


def run(args, source, outdir):
    """None, or what is wrong."""
    with open(source) as f:
        text = f.read()
    want = re.findall(r"WANT: ([0-9a-f]{8})(.*)", text)
    elf = os.path.join(outdir, os.path.basename(source) + ".elf")
    subprocess.run([CC, "-nostdlib", "-static", "-marm", "-Wa,-mno-warn-deprecated", "-Wl,-n,-Ttext=0x40100000,--build-id=none", "-Wl,--no-warn-rwx-segments", "-o", elf,
                    source], check=True)
    cpu = re.search(r"CPU: (\S+)|$", text).group(1) or "cortex-a15"
    cmd = [args.emulator, "-arch", "arm", "-M", "virt," + re.search(r"RUN: (\S+)", text).group(1), "-cpu", cpu, "-accel",
           "tcg,engine=" + args.engine, "-nographic", "-semihosting", "-kernel", elf]
    p = subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    got = p.stdout.split("\n")
    for (word, remark), line in zip(want, got):
        if word != line:
            return "%s instead of %s:%s" % (line, word, remark)
    return None if len(got) == len(want) + 1 and not p.returncode else "%d lines, exit status %d" % (len(got) - 1, p.returncode)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--emulator", required=True)
    ap.add_argument("--engine", choices=["jit", "interp"], default="jit")
    args = ap.parse_args()
    if not shutil.which(CC):
        print("no %s: skipped" % CC)
        return SKIP
    failed = 0
    sources = sorted(glob.glob(os.path.join(HERE, "levels_*.S")))
    with tempfile.TemporaryDirectory() as tmp:
        for source in sources:
            problem = run(args, source, tmp)
            failed += problem is not None
            if problem:
                print("FAIL %s: %s" % (os.path.basename(source), problem))
    print("%d passed, %d failed" % (len(sources) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
