"""Drivers of the Debian kernel that tools/get_guest leaves out, as a second RAM disk for one test."""
import gzip
import lzma
import os
import subprocess

from guest import ROOT, Failed, Skipped, debian, need_tool

# Drivers of Linux 6.12 whose work 7.2 does without any.
GONE = {"crc32c_generic"}
ARCHIVE_END = "TRAILER!!!"


def find_tree(arch):
    lib = debian(arch) + "/tree/usr/lib/modules"
    return os.path.join(lib, sorted(os.listdir(lib))[0])


def in_order(tree, names):
    """Paths of the modules and of what they need, needed ones first; names of built-in ones are left out."""
    needs = {}
    with open(tree + "/modules.dep") as f:
        for line in f:
            path, _, rest = line.partition(":")
            needs[path] = rest.split()
    by_name = {os.path.basename(p).partition(".ko")[0].replace("-", "_"): p for p in needs}
    with open(tree + "/modules.builtin") as f:
        builtin = {os.path.basename(p).partition(".ko")[0].replace("-", "_") for p in f.read().split()}
    order = []
    for name in names:
        name = name.replace("-", "_")
        if name in GONE and name not in by_name:
            continue
        if name not in by_name and name not in builtin:
            raise Failed("the kernel has no module %s" % name)
        if name in by_name:
            for path in needs[by_name[name]][::-1] + [by_name[name]]:
                if path not in order:
                    order.append(path)
    return order


def cpio_entry(name, data, mode):
    head = "070701" + "".join("%08x" % v for v in (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0))
    text = head.encode() + name.encode() + b"\0"
    text += b"\0" * (-len(text) % 4)
    return text + data + b"\0" * (-len(data) % 4)


def read_module(path):
    with open(path, "rb") as f:
        data = f.read()
    return lzma.decompress(data) if path.endswith(".xz") else data


def devtool():
    """tests/boot/devtool.c for the guest, as a file of with_modules()."""
    cc = need_tool("riscv64-linux-gnu-gcc")
    r = subprocess.run([cc, "-static", "-Os", "-o", "devtool", os.path.join(ROOT, "tests", "boot", "devtool.c")],
                       capture_output=True, text=True)
    if r.returncode:
        raise Skipped("no static program can be made for the guest: " + r.stderr[-200:])
    return ("devtool", "devtool")


def with_modules(names, base="initrd.cpio.gz", files=(), arch="riscv64"):
    """A RAM disk in the current directory: base and these modules, which `sh /extra/load` loads.

    files: pairs of a host path and a name below /extra.
    """
    tree = find_tree(arch)
    load, parts = [], [cpio_entry("extra", b"", 0o40755)]
    for path in in_order(tree, names):
        name = os.path.basename(path).replace(".xz", "")
        parts.append(cpio_entry("extra/" + name, read_module(os.path.join(tree, path)), 0o100644))
        load.append("[ -d /sys/module/%s ] || insmod /extra/%s || exit 1\n" % (name[:-3].replace("-", "_"), name))
    for path, name in files:
        with open(path, "rb") as f:
            parts.append(cpio_entry("extra/" + name, f.read(), 0o100755))
    parts.append(cpio_entry("extra/load", "".join(load).encode(), 0o100755))
    parts.append(cpio_entry(ARCHIVE_END, b"", 0))
    with open(os.path.join(debian(arch), base), "rb") as f:
        data = f.read()
    out = os.path.abspath("initrd-extra.cpio.gz")
    with open(out, "wb") as f:
        f.write(data + b"\0" * (-len(data) % 4) + gzip.compress(b"".join(parts), 1))
    return out
