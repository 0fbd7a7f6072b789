#!/usr/bin/env python3
"""Count the cases in meson's test logs: tests/count.py BUILD-DIR prints "PASSED FAILED SKIPPED".

A test program counts case by case where its output tells: lines of the TAP form (GLib's tests), or a line "N passed,
N failed, N skipped" or "N tests, N failures" (our own runners).  Otherwise it counts as one.
"""
import json
import os
import re
import sys

SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)
FAILURES = re.compile(r"(\d+) tests, (\d+) failures")
TAP = re.compile(r"^(not ok|ok) \d+.*?(# SKIP.*)?$", re.M)


def count_one(test):
    """(passed, failed, skipped) of one entry of testlog.json."""
    out, result = test.get("stdout") or "", test["result"]
    summary, failures = SUMMARY.findall(out), FAILURES.findall(out)
    if summary:
        counts = [int(n) for n in summary[-1]]
    elif failures:
        counts = [int(failures[-1][0]) - int(failures[-1][1]), int(failures[-1][1]), 0]
    else:
        cases = TAP.findall(out)
        counts = [sum(w == "ok" and not skip for w, skip in cases), sum(w != "ok" for w, _ in cases),
                  sum(bool(skip) for _, skip in cases)]
    if not any(counts):
        counts = [int(result in ("OK", "EXPECTEDFAIL")), 0, int(result == "SKIP")]
    if result not in ("OK", "EXPECTEDFAIL", "SKIP") and not counts[1]:
        counts[1] = 1 # it crashed, ran out of time, or failed without saying where
    return counts


def main():
    total = [0, 0, 0]
    with open(os.path.join(sys.argv[1], "meson-logs", "testlog.json")) as f:
        for line in f:
            total = [a + b for a, b in zip(total, count_one(json.loads(line)))]
    print(*total)


if __name__ == "__main__":
    main()
