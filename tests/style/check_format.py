#!/usr/bin/env python3
"""clang-format must have nothing to change.  Exit status 77 (skipped) where clang-format is not installed."""
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def sources():
    for top, dirs, files in os.walk(ROOT):
        dirs[:] = sorted(d for d in dirs if not d.startswith((".", "build")) and d != "subprojects")
        for name in sorted(files):
            if name.endswith((".c", ".h")):
                yield os.path.relpath(os.path.join(top, name), ROOT)


def main():
    tool = shutil.which("clang-format-14") or shutil.which("clang-format")
    if not tool:
        print("clang-format is not installed")
        return 77
    files = list(sources())
    r = subprocess.run([tool, "--dry-run", "--Werror", "-ferror-limit=1"] + files, cwd=ROOT, capture_output=True, text=True)
    bad = sorted({line.split(":")[0] for line in r.stderr.split("\n") if ": error:" in line})
    for path in bad:
        print("%s: run %s -i on it" % (path, os.path.basename(tool)))
    print("format: %d files, %d to change" % (len(files), len(bad)))
    return 1 if r.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
