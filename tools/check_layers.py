#!/usr/bin/env python3
"""Check that includes follow LAYERS.txt.

Fails on an include that points upward or sideways, a cycle between files or directories, a `_priv.h` used outside
its directory and those below it, an include of a file that does not exist, and a header guard that is not
DIR_FILE_H.  With --headers each header is also compiled alone.  No arguments are needed; run it from anywhere.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.M)
SKIP = {"build", ".git", "subprojects"}
# Headers that generators write to the build directory: exempt from "must exist".
GENERATED_BY = re.compile(r"output\s*:\s*(\[[^\]]*\]|'[^']*')", re.S)


def read_layers():
    """{directory: (layer, allowed directories)}; allowed is None where all are."""
    rows = {}
    with open(os.path.join(ROOT, "LAYERS.txt")) as f:
        for line in f:
            line = line.split("#")[0].strip()
            if line:
                left, _, right = line.partition(":")
                layer, name = left.split()
                allowed = right.split()
                rows[name] = (int(layer), None if allowed == ["*"] else set(allowed))
    return rows


def skip_dir(path):
    name = os.path.basename(path)
    return name in SKIP or name.startswith("build") or name.startswith(".")


def source_files():
    for top, dirs, files in os.walk(ROOT):
        dirs[:] = sorted(d for d in dirs if not skip_dir(d))
        for name in sorted(files):
            if name.endswith((".c", ".h")):
                yield os.path.relpath(os.path.join(top, name), ROOT)


def generated_names():
    """Base names of all custom_target outputs in the meson files."""
    names = set()
    for top, dirs, files in os.walk(ROOT):
        dirs[:] = [d for d in dirs if not skip_dir(d)]
        if "meson.build" in files:
            with open(os.path.join(top, "meson.build")) as f:
                for text in GENERATED_BY.findall(f.read()):
                    names.update(re.findall(r"'([^']+)'", text))
    return names


def area_of(path, layers):
    """The row of LAYERS.txt that a file falls under: the longest directory that has one."""
    d = os.path.dirname(path)
    while d and d not in layers:
        d = os.path.dirname(d)
    return d


def edge_error(src, dst, layers):
    """Why src may not include dst, or None."""
    a, b = area_of(src, layers), area_of(dst, layers)
    if not a:
        return "%s: its directory has no row in LAYERS.txt" % src
    if not b:
        return "%s: includes %s, whose directory has no row in LAYERS.txt" % (src, dst)
    if dst.endswith("_priv.h") and not src.startswith((os.path.dirname(dst) + "/", "tests/")):
        return "%s: includes %s, which is private to %s/" % (src, dst, os.path.dirname(dst))
    if a == b:
        return None
    (la, allowed), (lb, _) = layers[a], layers[b]
    if lb > la:
        return "%s: includes %s: upward, from layer %d to %d" % (src, dst, la, lb)
    if allowed is not None and b not in allowed:
        return "%s: includes %s: %s/ may not include %s/" % (src, dst, a, b)
    return None


def find_cycle(graph):
    """One cycle of {node: successors} as a list, or None."""
    state, path = {}, []

    def visit(n):
        state[n] = 1
        path.append(n)
        for m in sorted(graph.get(n, ())):
            if state.get(m) == 1:
                return path[path.index(m):] + [m]
            if m not in state:
                found = visit(m)
                if found:
                    return found
        path.pop()
        state[n] = 2
        return None

    for n in sorted(graph):
        if n not in state:
            found = visit(n)
            if found:
                return found
    return None


def guard_error(path, text):
    want = re.sub(r"[/.\-]", "_", path).upper()
    m = re.search(r"^#ifndef[ \t]+(\w+)\s*\n#define[ \t]+(\w+)", text, re.M)
    if not m or m.group(1) != want or m.group(2) != want:
        return "%s: guard should be %s" % (path, want)
    return None


def check_includes(layers):
    errors, graph, dirs = [], {}, {}
    generated = generated_names()
    files = list(source_files())
    known = set(files)
    for path in files:
        with open(os.path.join(ROOT, path), errors="replace") as f:
            text = f.read()
        if path.endswith(".h") and not path.startswith("tests/"):
            errors.append(guard_error(path, text))
        for inc in INCLUDE.findall(text):
            exists = inc in known or os.path.exists(os.path.join(ROOT, inc))
            if not exists and os.path.basename(inc) not in generated:
                errors.append("%s: includes \"%s\", which does not exist from the root" % (path, inc))
                continue
            if inc.endswith(".c"):
                errors.append("%s: includes a .c file: %s" % (path, inc))
            errors.append(edge_error(path, inc, layers))
            graph.setdefault(path, set()).add(inc)
            a, b = area_of(path, layers), area_of(inc, layers)
            if a and b and a != b:
                dirs.setdefault(a, set()).add(b)
    for kind, g in (("files", graph), ("directories", dirs)):
        cycle = find_cycle(g)
        if cycle:
            errors.append("cycle between %s: %s" % (kind, " -> ".join(cycle)))
    return [e for e in errors if e], files


def compile_alone(header, cc, extra):
    with tempfile.NamedTemporaryFile("w", suffix=".c") as f:
        f.write('#include "%s"\n#include "%s"\n' % (header, header))
        f.flush()
        cmd = [cc, "-std=gnu11", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall", "-Wextra", "-I", ROOT] + extra + [f.name]
        r = subprocess.run(cmd, capture_output=True, text=True)
    return None if r.returncode == 0 else "%s does not compile alone:\n%s" % (header, r.stderr.strip())


def check_headers(files, cc, build):
    flags = subprocess.run(["pkg-config", "--cflags", "glib-2.0", "json-glib-1.0", "capstone"], capture_output=True, text=True)
    extra = flags.stdout.split() + (["-I", build] if build else [])
    headers = [f for f in files if f.endswith(".h") and not f.startswith("tests/isa/")]
    return [e for e in (compile_alone(h, cc, extra) for h in headers) if e]


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--headers", action="store_true", help="also compile each header alone")
    ap.add_argument("--cc", default=os.environ.get("CC", "cc"), help="compiler for --headers")
    ap.add_argument("--build", help="build directory that holds generated headers, for --headers")
    args = ap.parse_args()
    errors, files = check_includes(read_layers())
    if args.headers:
        errors += check_headers(files, args.cc, args.build)
    for e in errors:
        print(e)
    print("layers: %d files, %d errors" % (len(files), len(errors)))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
