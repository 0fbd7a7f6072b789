#!/usr/bin/env python3
"""Check the shape of the C code: how long functions and files are.

Limits: median function 15 lines, 99th percentile 100, longest file 1500.  A single function over 100 lines or a file
over 1500 fails unless tests/style/shape.txt lists it, and one that is listed may only shrink (the ratchet).
A function's length is the number of non-blank lines between its braces.
"""
import argparse
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BASELINE = os.path.join(ROOT, "tests", "style", "shape.txt")
MEDIAN_LIMIT, P99_LIMIT, FUNCTION_LIMIT, FILE_LIMIT = 15, 100, 100, 1500


def sources():
    for top, dirs, files in os.walk(ROOT):
        dirs[:] = sorted(d for d in dirs if not d.startswith((".", "build")) and d != "subprojects")
        for name in sorted(files):
            if name.endswith((".c", ".h")):
                yield os.path.relpath(os.path.join(top, name), ROOT)


def functions(lines):
    """(name, length) of each function: a brace alone in column 0 after a line that ends a parameter list."""
    start = None
    for i, line in enumerate(lines):
        if line == "{" and i > 0 and re.search(r"\)[^;=]*$", lines[i - 1]):
            start = i
        elif line == "}" and start is not None:
            head = "\n".join(lines[max(0, start - 8):start])
            names = re.findall(r"^[\w\s\*]*?\b(\w+)\s*\(", head, re.M)
            body = [x for x in lines[start + 1:i] if x.strip()]
            yield (names[-1] if names else "?", len(body))
            start = None


def read_baseline():
    rows = {}
    if os.path.exists(BASELINE):
        with open(BASELINE) as f:
            for line in f:
                line = line.split("#")[0].split()
                if len(line) == 3:
                    rows[(line[0], line[1])] = int(line[2])
    return rows


def measure():
    lengths, offenders, files = [], {}, 0
    for path in sources():
        with open(os.path.join(ROOT, path), errors="replace") as f:
            lines = f.read().split("\n")
        files += 1
        if len(lines) - 1 > FILE_LIMIT:
            offenders[("file", path)] = len(lines) - 1
        for name, n in functions(lines):
            lengths.append(n)
            if n > FUNCTION_LIMIT:
                offenders[("function", "%s:%s" % (path, name))] = n
    return sorted(lengths), offenders, files


def percentile(values, p):
    return values[min(len(values) - 1, int(len(values) * p))] if values else 0


def compare(offenders, baseline):
    for key, n in sorted(offenders.items()):
        limit = FILE_LIMIT if key[0] == "file" else FUNCTION_LIMIT
        if key not in baseline:
            yield "%s %s has %d lines: the limit is %d" % (key[0], key[1], n, limit)
        elif n > baseline[key]:
            yield "%s %s grew from %d to %d lines: it may only shrink" % (key[0], key[1], baseline[key], n)


def write_baseline(offenders):
    with open(BASELINE, "w") as f:
        f.write("# Functions and files over the limits of tools/shape.py: they may only shrink.\n")
        f.write("# function PATH:NAME LINES | file PATH LINES\n")
        for (kind, name), n in sorted(offenders.items()):
            f.write("%s %s %d\n" % (kind, name, n))


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--update", action="store_true", help="write the baseline from the tree as it is")
    args = ap.parse_args()
    lengths, offenders, files = measure()
    if args.update:
        write_baseline(offenders)
    median, p99 = percentile(lengths, 0.5), percentile(lengths, 0.99)
    errors = list(compare(offenders, read_baseline()))
    if median > MEDIAN_LIMIT:
        errors.append("median function has %d lines: the limit is %d" % (median, MEDIAN_LIMIT))
    if p99 > P99_LIMIT:
        errors.append("99th percentile of functions is %d lines: the limit is %d" % (p99, P99_LIMIT))
    for e in errors:
        print(e)
    print("shape: %d files, %d functions, median %d, p99 %d, longest %d" %
          (files, len(lengths), median, p99, lengths[-1] if lengths else 0))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
