#!/usr/bin/env python3
"""Small rules on text that no other tool checks.

Every .c and .h starts with a comment that says what it is for; no tabs, trailing blanks or missing last newline in
code; every unit test is listed in tests/unit/meson.build; every path that docs/ and the top pages name exists.
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CODE = (".c", ".h", ".py", ".def", ".decode", ".S")
DOC_PATH = re.compile(r"`((?:[a-z_0-9]+/)+[A-Za-z0-9_.]+\.(?:c|h|py|def|decode|md|txt|build))`")


def walk():
    for top, dirs, files in os.walk(ROOT):
        dirs[:] = sorted(d for d in dirs if not d.startswith((".", "build")) and d != "subprojects")
        for name in sorted(files):
            yield os.path.relpath(os.path.join(top, name), ROOT)


def read(path):
    with open(os.path.join(ROOT, path), errors="replace") as f:
        return f.read()


def check_code(path, text):
    if path.endswith((".c", ".h")) and not text.startswith("/*"):
        yield "%s: the first line should be a comment that says what the file is for" % path
    if text and not text.endswith("\n"):
        yield "%s: no newline at the end" % path
    for n, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip():
            yield "%s:%d: blanks at the end of the line" % (path, n)
        if "\t" in line and not path.endswith(".S"):
            yield "%s:%d: a tab" % (path, n)


def check_doc(path, text):
    for name in sorted(set(DOC_PATH.findall(text))):
        if "NAME" not in name and not os.path.exists(os.path.join(ROOT, name)):
            yield "%s: names `%s`, which does not exist" % (path, name)


def check_tests_listed(paths):
    listed = read("tests/unit/meson.build")
    for p in paths:
        m = re.match(r"tests/unit/(test_\w+)\.c$", p)
        if m and "'%s'" % m.group(1) not in listed:
            yield "%s: not listed in tests/unit/meson.build" % p


def main():
    paths, errors = list(walk()), []
    for p in paths:
        if p.endswith(CODE):
            errors += check_code(p, read(p))
        elif p.endswith(".md"):
            errors += check_doc(p, read(p))
    errors += check_tests_listed(paths)
    for e in errors:
        print(e)
    print("text: %d files, %d errors" % (len(paths), len(errors)))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
