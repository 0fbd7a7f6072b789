#!/usr/bin/env python3
"""Access every system register and instruction at every exception level, under every trap, and compare with keys.txt.

  run.py --emulator build/tinamou [--cpu NAME]
  run.py --reference qemu-system-aarch64 --cpu NAME     print what that emulator does otherwise
  run.py --update                                       write keys.txt

All encodings of MSR, MRS and SYS that no implementation owns are run with nothing trapped; those that some level may use
are run under each setting of the registers that trap.  A line of keys.txt is a processor, a setting and a hash of what came
of all of them: the level and the syndrome of the exception.  A difference that is meant goes into the same commit, after a
look at what another emulator does.
"""
import argparse
import hashlib
import os
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CC = "aarch64-linux-gnu-gcc"
KEYS = os.path.join(HERE, "keys.txt")
CPUS = ["cortex-a72", "max"]
MACHINE = "virt,secure=on,virtualization=on"
FLAGS = ["-O1", "-march=armv8.2-a", "-mstrict-align", "-mgeneral-regs-only", "-ffreestanding", "-fno-pic", "-nostdlib", "-static",
         "-fno-stack-protector", "-Wl,-Ttext=0x40080000", "-Wl,-N", "-Wl,--build-id=none", "-Wl,--no-warn-rwx-segments"]
SKIP = 77
FIELDS = """scr cptr3 mdcr3 hcr cptr2 mdcr2 hstr cnthctl hfgrtr hfgwtr hfgitr hdfgrtr hdfgwtr sctlr1 cpacr cntkctl mdscr
            pmuserenr hcrx sctlr2 sp0""".split()
FGT = ["hfgrtr", "hfgwtr", "hfgitr", "hdfgrtr", "hdfgwtr"]


def bit(*ns):
    return sum(1 << n for n in ns)


E2H, TGE = bit(34), bit(27)
SCTLR1_OPEN = 0x30d00838 | bit(9, 10, 14, 15, 16, 18, 26)
# Nothing traps; HCR_EL2.RW, API, APK and EnSCXT, SCR_EL3's likewise, with HCE, FGTEn, ECVEn and HXEn.
OPEN = dict.fromkeys(FIELDS, 0)
OPEN.update(scr=bit(0, 8, 10, 16, 17, 25, 27, 28, 38), hcr=bit(31, 40, 41, 53), cptr2=0x33ff, cnthctl=3, sctlr1=SCTLR1_OPEN,
            cpacr=3 << 20, cntkctl=0x303, sctlr2=0x30c50830, pmuserenr=15, mdcr2=6)
# Bits to turn over, one at a time; those left out trap the probe itself, or are of features that no processor here has.
TURNED = {"hcr": [n for n in range(64) if n not in (0, 3, 4, 5, 6, 7, 8, 12, 27, 29, 31, 34, 42, 43, 44, 45)],
          "scr": [3, 9, 12, 13, 14, 15, 16, 17, 21, 25, 26, 27, 28, 38], "cptr3": [10, 20, 31], "cptr2": [10, 20, 31],
          "mdcr3": range(32), "mdcr2": range(5, 32), "cnthctl": [0, 1, 2, 3, 13, 14, 15, 16, 17],
          "sctlr1": [9, 10, 14, 15, 16, 18, 20, 26], "cntkctl": [0, 1, 8, 9]}


def settings(cpu):
    """(name, values), the first with nothing trapped."""
    yield "open", OPEN
    for field, bits in TURNED.items():
        for n in bits:
            yield "%s^%d" % (field, n), dict(OPEN, **{field: OPEN[field] ^ bit(n)})
    for name, change in (("TGE", {"hcr": OPEN["hcr"] | TGE}), ("IMO+FMO", {"hcr": OPEN["hcr"] | 0x38}),
                         ("secure", {"scr": OPEN["scr"] & ~1}), ("hstr", {"hstr": 0xffff}), ("tta", {"cpacr": 3 << 20 | bit(28)}),
                         ("tdcc", {"mdscr": bit(12)}), ("sp0", {"sp0": 1})):
        yield name, dict(OPEN, **change)
    for v in range(3):
        yield "fpen=%d" % v, dict(OPEN, cpacr=v << 20)
    for v in (0, 1, 2, 4, 8):
        yield "pmuserenr=%d" % v, dict(OPEN, pmuserenr=v)
    if cpu == "cortex-a72":
        return
    host = OPEN["hcr"] | E2H | TGE
    yield "E2H", dict(OPEN, hcr=OPEN["hcr"] | E2H)
    yield "E2H, FP off", dict(OPEN, hcr=OPEN["hcr"] | E2H, cptr2=0)
    yield "E2H, tta", dict(OPEN, hcr=OPEN["hcr"] | E2H, cptr2=3 << 20 | bit(28, 31))
    yield "host", dict(OPEN, hcr=host, cptr2=3 << 20, sctlr2=SCTLR1_OPEN, cnthctl=0xc03)
    yield "host, closed", dict(OPEN, hcr=host, cptr2=0, sctlr2=0x30c50830, cnthctl=0)
    for field in FGT:
        for n in range(64):
            yield "%s^%d" % (field, n), dict(OPEN, **{field: bit(n)})


def encodings():
    """Numbers of op0 to op2, without those of an implementation's own and RMR_ELx."""
    for op0, crns in ((1, (7, 8)), (2, (0, 1, 7)), (3, [n for n in range(16) if n not in (11, 15)])):
        for op1 in range(8):
            for crn in crns:
                for low in range(128):
                    if (op0, crn, low) != (3, 12, 2):
                        yield op0 << 14 | op1 << 11 | crn << 7 | low


def words(keys):
    return [w for k in keys for w in (0xd5200000 | k << 5, 0xd5000000 | k << 5)]


def name(word):
    k = word >> 5 & 0xffff
    return "%s S%d_%d_C%d_C%d_%d" % ("MRS" if word >> 21 & 1 else "MSR", k >> 14, k >> 11 & 7, k >> 7 & 15, k >> 3 & 15, k & 7)


def outcome(r):
    """Of a result: the ESR's bit 25 is gone, the level is in bits 24 and 25."""
    esr = r & 0xffffff
    return "fine" if r >> 26 == 0x15 and esr & 0xffff == 0x7f else "EL%d, class 0x%02x, ISS 0x%06x" % (r >> 24 & 3, r >> 26, esr)


class Probe:
    def __init__(self, directory, emulator):
        self.dir, self.emulator = directory, emulator
        subprocess.run([CC] + FLAGS + ["-o", "probe.elf", HERE + "/start.S", HERE + "/probe.c"], cwd=directory, check=True)

    def put(self, name_, data):
        with open(os.path.join(self.dir, name_), "wb") as f:
            f.write(data)

    def run(self, cpu, values, insns):
        """By setting, then by level from 3 down, then by instruction."""
        self.put("settings.bin", b"".join(struct.pack("<%dQ" % len(FIELDS), *[v[f] for f in FIELDS]) for v in values))
        self.put("insns.bin", struct.pack("<%dI" % len(insns), *insns))
        command = self.emulator + ["-M", MACHINE, "-cpu", cpu, "-m", "256M", "-semihosting", "-kernel", "probe.elf",
                                   "-display", "none", "-serial", "none", "-monitor", "none"]
        subprocess.run(command, cwd=self.dir, stdin=subprocess.DEVNULL, check=True, timeout=240)
        with open(os.path.join(self.dir, "results.bin"), "rb") as f:
            data = f.read()
        flat = struct.unpack("<%dI" % (len(data) // 4), data)
        n = 4 * len(insns)
        return [flat[i * n:(i + 1) * n] for i in range(len(values))]

    def known(self, cpu, insns):
        """What all encodings do, and those that some level may use."""
        all_ = self.run(cpu, [OPEN], insns)[0]
        fine = {insns[i % len(insns)] >> 5 & 0xffff for i, r in enumerate(all_) if outcome(r) == "fine"}
        return all_, words(sorted(fine))


def digest(results):
    return hashlib.sha256(struct.pack("<%dI" % len(results), *results)).hexdigest()[:16]


def results_of(probe, cpu, insns=None):
    """{name of a setting: results}, and the instructions."""
    everything = words(encodings())
    all_, known = probe.known(cpu, everything)
    known = insns or known
    names = list(settings(cpu))
    got = {"all encodings": all_}
    for at in range(0, len(names), 500):
        part = names[at:at + 500]
        got.update(zip([n for n, _ in part], probe.run(cpu, [v for _, v in part], known)))
    return got, everything, known


def read_keys():
    with open(KEYS) as f:
        return {(w[0], w[2].strip()): w[1] for w in (line.split(" ", 2) for line in f if not line.startswith("#"))}


def show_differences(cpu, ours, theirs, everything, known):
    count = 0
    for setting, a in ours.items():
        insns = everything if setting == "all encodings" else known
        for i, (x, y) in enumerate(zip(a, theirs[setting])):
            if outcome(x) != outcome(y):
                count += 1
                print("%s, %s: %s at EL%d: %s; there: %s" % (cpu, setting, name(insns[i % len(insns)]), 3 - i // len(insns),
                                                             outcome(x), outcome(y)))
    print("%d differences" % count)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--emulator", default="build/tinamou")
    ap.add_argument("--extra", default="", help="more options of the emulator")
    ap.add_argument("--cpu", action="append", help="default: " + ", ".join(CPUS))
    ap.add_argument("--reference", help="another emulator to compare with")
    ap.add_argument("--update", action="store_true")
    args = ap.parse_args()
    if not shutil.which(CC):
        print("0 passed, 0 failed, 1 skipped (no %s)" % CC)
        return SKIP
    keys, new, passed, failed = {} if args.update else read_keys(), {}, 0, 0
    with tempfile.TemporaryDirectory() as tmp:
        probe = Probe(tmp, [os.path.abspath(args.emulator), "-arch", "aarch64"] + args.extra.split())
        for cpu in args.cpu or CPUS:
            got, everything, known = results_of(probe, cpu)
            if args.reference:
                other = Probe(tmp, [args.reference])
                show_differences(cpu, got, results_of(other, cpu, known)[0], everything, known)
                continue
            for setting, results in got.items():
                new[cpu, setting] = digest(results)
                ok = args.update or keys.get((cpu, setting)) == new[cpu, setting]
                passed, failed = passed + ok, failed + (not ok)
                if not ok:
                    print("FAIL %s, %s: other results than in keys.txt" % (cpu, setting))
    if args.update:
        with open(KEYS, "w") as f:
            f.write("# What system registers and instructions do: run.py --update\n")
            f.writelines("%s %s %s\n" % (cpu, h, setting) for (cpu, setting), h in new.items())
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
