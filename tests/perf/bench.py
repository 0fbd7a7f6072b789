#!/usr/bin/env python3
"""Run the benchmark programs in a guest, on this emulator and on another, in turn; print CPU seconds and ratios.

  bench.py [--emulator build/tinamou] [--other qemu-system-riscv64] [--reps N] [--only NAME,GROUP,...] [--smp N]

Programs: tests/perf/guest, groups integer, memory, floating, system; "boot" is the kernel from start to power-off.  The
figure is the emulator's CPU time, user and system, all threads, from a program's start to its end: the median of the
repetitions.  Ratio = other / ours: above 1 ours is faster.  Fails when a checksum is not what this host computes;
never because of a time.  Also from the environment: BENCH_OTHER, BENCH_REPS, BENCH_ONLY.
Exit status 77 (skipped) without the cross compiler or a guest.
"""
import argparse
import gzip
import math
import os
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
GUEST = os.path.join(HERE, "guest")
sys.path.insert(0, os.path.join(HERE, "..", "boot"))
import guest  # noqa: E402

CROSS = "riscv64-linux-gnu-"
SOURCES = [os.path.join(GUEST, name + ".c") for name in ("main", "integer", "memory", "floating", "system")]
CFLAGS = ["-O2", "-ffp-contract=off", "-I" + guest.ROOT]
LIBRARIES = ("ld-linux-riscv64-lp64d.so.1", "libc.so.6")
LIMIT = 900
SKIPPED = 77
INIT = """#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t tmpfs tmp /tmp
/bench/bench $(echo $bench | /bin/busybox tr , ' ')
echo GUEST-DONE
/bin/busybox poweroff -f
"""


# ---- the guest ----

def compile_programs(cc, outdir):
    """The executables bench and shared in a directory."""
    os.makedirs(outdir, exist_ok=True)
    subprocess.run([cc] + CFLAGS + ["-static", "-o", os.path.join(outdir, "bench")] + SOURCES + ["-lm", "-lpthread"], check=True)
    subprocess.run([cc] + CFLAGS + ["-fPIE", "-pie", "-o", os.path.join(outdir, "shared"), os.path.join(GUEST, "shared.c")], check=True)


def copy_libraries(cc, lib):
    os.makedirs(lib)
    for name in LIBRARIES:
        path = subprocess.run([cc, "-print-file-name=" + name], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        shutil.copy(guest.need_file(path), lib)


def make_initrd(tmp, base):
    """Debian's BusyBox image with ours behind it: the kernel unpacks both."""
    tree, cc = os.path.join(tmp, "tree"), guest.need_tool(CROSS + "gcc")
    compile_programs(cc, os.path.join(tree, "bench"))
    copy_libraries(cc, os.path.join(tree, "lib"))
    init = os.path.join(tree, "bench", "init")
    with open(init, "w") as f:
        f.write(INIT)
    os.chmod(init, 0o755)
    names = [os.path.relpath(os.path.join(top, n), tree) for top, dirs, files in os.walk(tree) for n in dirs + files]
    archive = subprocess.run([guest.need_tool("cpio"), "-o", "-H", "newc", "--quiet", "-R", "0:0"], cwd=tree,
                             input="\n".join(sorted(names)).encode(), stdout=subprocess.PIPE, check=True).stdout
    with open(base, "rb") as f:
        first = f.read()
    path = os.path.join(tmp, "initrd.cpio.gz")
    with open(path, "wb") as f:
        f.write(first + bytes(-len(first) % 4) + gzip.compress(archive, mtime=0))
    return path


# ---- what this host computes ----

def native(tmp):
    """(list of (group, name), a function that gives the checksums of some names)."""
    compile_programs(guest.need_tool(os.environ.get("CC", "cc").split()[0]), os.path.join(tmp, "native"))
    program = os.path.join(tmp, "native", "bench")

    def sums(names):
        text = subprocess.run([program] + names, stdout=subprocess.PIPE, text=True, check=True).stdout if names else ""
        return {w[1]: w[2] for w in map(str.split, text.split("\n")) if w and w[0] == "DONE"}

    text = subprocess.run([program, "--list"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return [tuple(line.split()) for line in text.split("\n") if line], sums


# ---- one run ----

def cpu_seconds(pid):
    """CPU clock of another process.  Ref: clock_getcpuclockid(3)."""
    return time.clock_gettime((~pid << 3) | 2)


def lines_of(process, deadline):
    pending = b""
    while time.monotonic() < deadline:
        if not select.select([process.stdout], [], [], 1)[0]:
            continue
        data = os.read(process.stdout.fileno(), 65536)
        if not data:
            return
        pending += data
        *lines, pending = pending.split(b"\n")
        yield from (line.decode("utf-8", "replace").strip() for line in lines)
    process.kill()


def read_times(process, deadline):
    """{name: (seconds, checksum)}, whether the guest came to its end, and the last lines it wrote."""
    found, start, done, tail = {}, 0.0, False, []
    for line in lines_of(process, deadline):
        tail = tail[-9:] + [line]
        words = line.split()
        if words[:1] == ["START"]:
            start = cpu_seconds(process.pid)
        elif words[:1] == ["DONE"] and len(words) == 3:
            found[words[1]] = (cpu_seconds(process.pid) - start, words[2])
        done = done or line == "GUEST-DONE"
    return found, done, tail


def run(command, images, names):
    """The programs' times and checksums; with no names the time of a boot."""
    append = "console=ttyS0 quiet rdinit=/bench/init bench=" + ",".join(names)
    argv = command + ["-M", "virt", "-m", "1G", "-nographic", "-no-reboot", "-kernel", images[0], "-initrd", images[1], "-append", append]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
    found, done, tail = read_times(process, time.monotonic() + LIMIT)
    process.stdout.close()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    if not done or status or set(found) != set(names):
        raise guest.Failed("%s: exit status %d, last output:\n  %s" % (" ".join(argv), status, "\n  ".join(tail)))
    return found if names else {"boot": (used.ru_utime + used.ru_stime, "-")}


# ---- the table ----

def geometric_mean(ratios):
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def print_table(programs, times, ours, other):
    print("%-10s %-11s %12s" % ("group", "program", ours) + ("%22s %8s" % (other, "ratio") if other else ""))
    ratios = {}
    for group, name in programs:
        row, a = "%-10s %-11s" % (group, name), statistics.median(times[ours, name])
        row += "%13.3f" % a
        if other:
            b = statistics.median(times[other, name])
            ratios.setdefault(group, []).append(b / max(a, 1e-3))
            row += "%22.3f %8.2f" % (b, ratios[group][-1])
        print(row)
    for group, values in ratios.items():
        print("geometric mean %-24s %30.2f" % ("%s (%d)" % (group, len(values)), geometric_mean(values)))


def wrong_sums(expected, times_of, name):
    return ["%s on %s: checksum %s, this host computes %s" % (p, name, s, expected[p])
            for p, (_, s) in times_of.items() if p in expected and s != expected[p]]


def choose(programs, only):
    """Programs and groups by name; everything when none is named."""
    wanted = [w for w in only.split(",") if w]
    unknown = [w for w in wanted if not any(w in p for p in programs)]
    if unknown:
        raise guest.Failed("no program or group %s" % ", ".join(unknown))
    return [p for p in programs if not wanted or p[0] in wanted or p[1] in wanted]


def measure(args, tmp):
    base = guest.debian()
    images = (os.path.join(base, "kernel"), make_initrd(tmp, os.path.join(base, "initrd-small.cpio.gz")))
    programs, sums = native(tmp)
    programs = choose(programs + [("boot", "boot")], args.only)
    names = [n for _, n in programs if n != "boot"]
    expected, times, wrong = sums(names), {}, []
    smp = ["-smp", str(args.smp)]
    emulators = {"tinamou": [args.emulator, "-arch", "riscv64"] + smp}
    if shutil.which(args.other):
        emulators[os.path.basename(args.other)] = [args.other, "-accel", "tcg"] + smp
    else:
        print("%s is not installed: no comparison" % args.other)
    for _ in range(args.reps):
        for emulator, command in emulators.items():
            for chosen in filter(None, (names and [names], len(names) < len(programs) and [[]])):
                found = run(command, images, chosen[0])
                wrong += wrong_sums(expected, found, emulator)
                for name, (seconds, _) in found.items():
                    times.setdefault((emulator, name), []).append(seconds)
    print_table(programs, times, *(list(emulators) + [None])[:2])
    for line in sorted(set(wrong)):
        print(line)
    return 1 if wrong else 0


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--emulator", default=guest.EMULATOR)
    ap.add_argument("--other", default=os.environ.get("BENCH_OTHER", "qemu-system-riscv64"))
    ap.add_argument("--reps", type=int, default=int(os.environ.get("BENCH_REPS", "3")))
    ap.add_argument("--only", default=os.environ.get("BENCH_ONLY", ""))
    ap.add_argument("--smp", type=int, default=1)
    args = ap.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as tmp:
            return measure(args, tmp)
    except guest.Skipped as e:
        print("skipped: %s" % e)
        return SKIPPED
    except guest.Failed as e:
        print("failed: %s" % e)
        return 1


if __name__ == "__main__":
    sys.exit(main())
