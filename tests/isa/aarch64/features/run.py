#!/usr/bin/env python3
"""What the identification registers of a processor claim is what it executes: for each model, and for each feature off.

  run.py --emulator build/tinamou [--cpu NAME[,FEATURE=off]]     with --cpu: print each feature, what is claimed, what works

probe.S runs an instruction of each feature.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CC = "aarch64-linux-gnu-gcc"
LINK = ["-nostdlib", "-static", "-Wl,-Ttext=0x40080000,-N,--build-id=none", "-Wl,--no-warn-rwx-segments"]
MACHINE = "virt,secure=on,virtualization=on,gic-version=3"
SKIP = 77
# Probes of what no property turns off, or of nothing that is there yet.
NO_PROPERTY = {"ecv_offset", "lor", "el2", "sve", "mte", "sme", "amu", "ls64", "nv2"}
OFF = {"neon": "vfp"}  # where there is AArch64 state, both are off or neither is


def features(emulator, elf, cpu):
    """{name: (claimed, works)}"""
    cmd = [emulator, "-arch", "aarch64", "-M", MACHINE, "-cpu", cpu, "-semihosting", "-kernel", elf, "-display", "none", "-serial", "none",
           "-monitor", "none"]
    p = subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    lines = [line.split() for line in p.stdout.splitlines()]
    if p.returncode or not lines or any(len(words) != 3 for words in lines):
        sys.exit("FAIL -cpu %s: status %d: %s" % (cpu, p.returncode, p.stdout[:400]))
    return {name: (claimed == "1", works == "1") for name, claimed, works in lines}


def models(emulator):
    p = subprocess.run([emulator, "-arch", "aarch64", "-cpu", "help"], stdout=subprocess.PIPE, text=True, check=True)
    return [line.split()[0] for line in p.stdout.splitlines() if line.strip()]


def check(emulator, elf, cpu, off=None):
    """Problems of a processor, whose feature off must be neither claimed nor there."""
    found = features(emulator, elf, cpu)
    wrong = ["%s is %s but does %swork" % (name, "claimed" if claimed else "not claimed", "" if works else "not ")
             for name, (claimed, works) in found.items() if claimed != works]
    if off and any(found[off]):
        wrong.append("%s is there" % off)
    return ["FAIL -cpu %s: %s" % (cpu, w) for w in wrong]


def check_all(emulator, elf):
    names = models(emulator)
    wrong = [w for cpu in names for w in check(emulator, elf, cpu)]
    everything = features(emulator, elf, "max")
    for name in everything:
        if name not in NO_PROPERTY:
            wrong += check(emulator, elf, "max,%s=off" % OFF.get(name, name), name)
    print("\n".join(wrong + ["%d models, %d features, %d problems" % (len(names), len(everything), len(wrong))]))
    return 1 if wrong or len(names) < 11 or not all(claimed for name, (claimed, _) in everything.items() if name not in NO_PROPERTY) else 0


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--emulator", required=True)
    ap.add_argument("--cpu")
    args = ap.parse_args()
    if not shutil.which(CC):
        print("no %s: skipped" % CC)
        return SKIP
    with tempfile.TemporaryDirectory() as tmp:
        elf = os.path.join(tmp, "probe.elf")
        subprocess.run([CC] + LINK + ["-o", elf, os.path.join(HERE, "probe.S")], check=True)
        if not args.cpu:
            return check_all(args.emulator, elf)
        for name, (claimed, works) in features(args.emulator, elf, args.cpu).items():
            print("%-12s %d %d" % (name, claimed, works))
    return 0


if __name__ == "__main__":
    sys.exit(main())
