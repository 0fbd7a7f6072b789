#!/usr/bin/env python3
"""What the identification registers of a processor claim is what it executes: for each model, and for each feature off.

  run.py --emulator build/tinamou [--arch aarch64|arm] [--cpu NAME[,FEATURE=off]]

With --cpu: print each feature, what is claimed, what works.  probe.S and, for AArch32 state, probe32.S run an instruction of each
feature.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# Compiler, source, options of the assembler, of the machine
ARCHES = {"aarch64": ("aarch64-linux-gnu-gcc", "probe.S", ["-Wl,-Ttext=0x40080000"], "virt,secure=on,virtualization=on,gic-version=3"),
          "arm": ("arm-linux-gnueabihf-gcc", "probe32.S", ["-marm", "-Wa,-mno-warn-deprecated", "-Wl,-Ttext=0x40100000"], "virt")}
LINK = ["-nostdlib", "-static", "-Wl,-N,--build-id=none", "-Wl,--no-warn-rwx-segments"]
SKIP = 77
# Probes of what no property turns off, of nothing that is there yet, or of more than the property is about.
NO_PROPERTY = {"ecv_offset", "lor", "el2", "sve", "mte", "sme", "amu", "ls64", "nv2",
               "actlr2", "lpae", "mp", "ras", "thumbee", "secure", "single", "double", "integers", "halves", "vcvtb", "vcvtb-double",
               "fp16-scalar", "vsel", "vcvta", "vrinta", "vmaxnm"}
OFF = {("neon", "aarch64"): "vfp"}  # where there is AArch64 state, both are off or neither is
MODELS = {"aarch64": 11, "arm": 10}


def features(args, elf, cpu):
    """{name: (claimed, works)}"""
    cmd = [args.emulator, "-arch", args.arch, "-M", ARCHES[args.arch][3], "-cpu", cpu, "-semihosting", "-kernel", elf, "-display", "none",
           "-serial", "none", "-monitor", "none"]
    p = subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    lines = [line.split() for line in p.stdout.splitlines()]
    if p.returncode or not lines or any(len(words) != 3 for words in lines):
        sys.exit("FAIL -cpu %s: status %d: %s" % (cpu, p.returncode, p.stdout[:400]))
    return {name: (claimed == "1", works == "1") for name, claimed, works in lines}


def models(args):
    p = subprocess.run([args.emulator, "-arch", args.arch, "-cpu", "help"], stdout=subprocess.PIPE, text=True, check=True)
    names = [line.split()[0] for line in p.stdout.splitlines() if line.strip()]
    return [n for n in names if not n.startswith("cortex-m")]


def check(args, elf, cpu, off=None):
    """Problems of a processor, whose feature off must be neither claimed nor there."""
    found = features(args, elf, cpu)
    wrong = ["%s is %s but does %swork" % (name, "claimed" if claimed else "not claimed", "" if works else "not ")
             for name, (claimed, works) in found.items() if claimed != works]
    if off and any(found[off]):
        wrong.append("%s is there" % off)
    return ["FAIL -cpu %s: %s" % (cpu, w) for w in wrong]


def check_all(args, elf):
    names = models(args)
    wrong = [w for cpu in names for w in check(args, elf, cpu)]
    everything = features(args, elf, "max")
    for name in everything:
        if name not in NO_PROPERTY:
            wrong += check(args, elf, "max,%s=off" % OFF.get((name, args.arch), name), name)
    print("\n".join(wrong + ["%d models, %d features, %d problems" % (len(names), len(everything), len(wrong))]))
    all_there = all(claimed for name, (claimed, _) in everything.items() if name not in NO_PROPERTY)
    return 1 if wrong or len(names) < MODELS[args.arch] or not all_there else 0


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--emulator", required=True)
    ap.add_argument("--arch", choices=list(ARCHES), default="aarch64")
    ap.add_argument("--cpu")
    args = ap.parse_args()
    cc, source, flags, _ = ARCHES[args.arch]
    if not shutil.which(cc):
        print("no %s: skipped" % cc)
        return SKIP
    with tempfile.TemporaryDirectory() as tmp:
        elf = os.path.join(tmp, "probe.elf")
        subprocess.run([cc] + LINK + flags + ["-o", elf, os.path.join(HERE, source)], check=True)
        if not args.cpu:
            return check_all(args, elf)
        for name, (claimed, works) in features(args, elf, args.cpu).items():
            print("%-12s %d %d" % (name, claimed, works))
    return 0


if __name__ == "__main__":
    sys.exit(main())
