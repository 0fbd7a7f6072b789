#!/usr/bin/env python3
"""Every row of Arm's decode tables has a word in some program that the tests of this directory run.

  rows_arm.py        prints the rows that have none; exit status 1 if there are any

The programs: those written by hand, the random ones of A64, and the catalogues of FP, AdvSIMD and AArch32, with the seeds and
sizes of ./check.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path[:0] = [os.path.join(ROOT, "tools"), os.path.join(HERE, "aarch64", "random"), HERE]
import decodegen  # noqa: E402
import generate  # noqa: E402
import run_arm_m  # noqa: E402

SKIP = 77
A64, ARM = "aarch64-linux-gnu-", "arm-linux-gnueabihf-"
CODE = re.compile(r"^\s+[0-9a-f]+:\t((?:[0-9a-f]{4,8} ?)+)\s*\t", re.M)


def tables(*names):
    return decodegen.load([os.path.join(ROOT, "target", "arm", n + ".decode") for n in names]).decoders


def sources(*pattern):
    return sorted(glob.glob(os.path.join(HERE, *pattern)))


def output(*cmd):
    return subprocess.run(cmd, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout


def compiled(prefix, source, flags, tmp):
    """The code of a source, each instruction as the text of its words."""
    obj = os.path.join(tmp, "program.o")
    subprocess.run([prefix + "gcc", "-c", "-I", ROOT, "-I", os.path.dirname(source), "-o", obj, source] + flags, check=True)
    return [words.split() for words in CODE.findall(output(prefix + "objdump", "-d", "-z", obj))]


def a64_words(tmp):
    words = set()
    for source in sources("aarch64", "*.S") + sources("aarch64", "features", "probe.S"):
        with open(source) as f:
            more = re.search(r"march=(\S+)|$", f.read(4096)).group(1) or ""
        words |= {int(w[0], 16) for w in compiled(A64, source, ["-march=armv8.5-a" + more], tmp)}
    for seed in range(1, 25):
        words |= {int(w, 16) for w in re.findall(r"\.inst (0x[0-9a-f]+)", generate.program(seed, 60, []))}
    catalogue = output(sys.executable, os.path.join(HERE, "aarch64", "simd", "words.py"))
    return words | {int(w, 16) for w in re.findall(r"\{(0x[0-9a-f]+), ", catalogue)}


class Arm32:
    """Words of A32, T16 and T32, and of T32 on microcontrollers."""

    def __init__(self):
        self.a32, self.t16, self.t32 = set(), set(), set()

    def add(self, instructions):
        for w in instructions:
            if len(w) == 2:
                self.t32.add(int(w[0] + w[1], 16))
            else:
                (self.a32 if len(w[0]) == 8 else self.t16).add(int(w[0], 16))

    def add_halves(self, halves, is_thumb):
        while halves:
            if not is_thumb:
                self.a32.add(halves[1] << 16 | halves[0])
            elif halves[0] >> 11 < 0x1d:
                self.t16.add(halves[0])
                halves = halves[1:]
                continue
            else:
                self.t32.add(halves[0] << 16 | halves[1])
            halves = halves[2:]

    def of(self, decoder):
        return self.t16 if decoder.width == 16 else self.t32 if decoder.name in ("t32", "m32") else self.a32


def application_profile(tmp):
    a = Arm32()
    for source in sources("arm", "*.S") + sources("aarch64", "features", "probe32.S"):
        a.add(compiled(ARM, source, ["-marm", "-Wa,-mno-warn-deprecated"], tmp))
    catalogue = output(sys.executable, os.path.join(HERE, "arm", "words.py"))
    for halves, is_thumb in re.findall(r"\{\{(.*?)\}, \d+, (\d+),", catalogue):
        a.add_halves([int(h, 16) for h in halves.split(", ")], int(is_thumb) & 1)
    return a


def microcontrollers(tmp):
    m = Arm32()
    for source in sources("arm_m", "*.c"):
        m.add(compiled(ARM, source, run_arm_m.FLAGS + ["-march=armv8-m.main+fp", "-mfloat-abi=hard"], tmp))
    return m


def missing(decoder, words):
    """Its rows without a word, for people."""
    for row in decoder.rows:
        if not any(w & row.mask == row.value and row.allows(w) for w in words):
            yield "%s: %s (%#x)" % (decoder.name, row.name, row.value)


def main():
    for tool in (A64 + "gcc", ARM + "gcc"):
        if not shutil.which(tool):
            print("no %s: skipped" % tool)
            return SKIP
    rows, none = 0, []
    with tempfile.TemporaryDirectory() as tmp:
        a64, a32, m = a64_words(tmp), application_profile(tmp), microcontrollers(tmp)
        parts = [(d, a64) for d in tables("a64_dp", "a64_mem", "a64_branch", "a64_sys", "a64_simd")]
        parts += [(d, (m if d.name.startswith("m") else a32).of(d)) for d in tables("a32", "t16", "t32", "vfp", "neon", "m")]
        for decoder, words in parts:
            rows += len(decoder.rows)
            none += missing(decoder, words)
    for text in none:
        print("no program has a word of", text)
    print("%d passed, %d failed" % (rows - len(none), len(none)))
    return 1 if none else 0


if __name__ == "__main__":
    sys.exit(main())
