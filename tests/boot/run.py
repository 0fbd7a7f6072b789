#!/usr/bin/env python3
"""Run the guest boot tests: every function test_* of the files test_*.py here.

usage: tests/boot/run.py [--list] [-j N] [--scale X] [PATTERN...]
A test is its own process with a time limit (the function's attribute `limit`, in seconds); a pattern picks tests
whose FILE:NAME contains it.  Prints one line a test and at the end `N passed, N failed, N skipped`.
The emulator is build/tinamou, or what the environment variable TINAMOU names.
"""
import argparse
import glob
import importlib
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import guest  # noqa: E402

DEFAULT_LIMIT = 120


def find_tests(patterns):
    found = []
    for path in sorted(glob.glob(os.path.join(HERE, "test_*.py"))):
        module = importlib.import_module(os.path.basename(path)[:-3])
        for name, fn in vars(module).items():
            full = "%s:%s" % (module.__name__[5:], name[5:])
            if name.startswith("test_") and callable(fn) and (not patterns or any(p in full for p in patterns)):
                found.append((full, fn))
    return found


def child(fn, result):
    """In the test's own process: run it in a directory of its own."""
    os.setsid()
    directory = tempfile.mkdtemp(prefix="boot-test-")
    os.chdir(directory)
    try:
        fn()
        result.send(("ok", ""))
    except guest.Skipped as e:
        result.send(("skip", str(e)))
    except guest.Failed as e:
        result.send(("FAIL", str(e)))
    except Exception:
        result.send(("FAIL", traceback.format_exc()))
    finally:
        os.chdir("/")
        shutil.rmtree(directory, ignore_errors=True)


class Running:
    def __init__(self, name, fn, scale):
        self.name, self.limit = name, getattr(fn, "limit", DEFAULT_LIMIT) * scale
        self.result, theirs = multiprocessing.Pipe(False)
        self.process = multiprocessing.Process(target=child, args=(fn, theirs))
        self.start = time.monotonic()
        self.process.start()
        theirs.close()

    def outcome(self):
        """(word, text) once it has ended or run out of time, else None."""
        try:
            if self.result.poll(0):
                word = self.result.recv()
                self.process.join(10)
                self.end_group()
                return word
        except EOFError:
            self.process.join(10)
            return ("FAIL", "the test's process ended without a result")
        if time.monotonic() - self.start > self.limit:
            self.end_group()
            self.process.join(10)
            return ("FAIL", "time limit of %d s" % self.limit)
        return None

    def end_group(self):
        """End what the test's own process group still holds (it was made by setsid in child())."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass


def is_alone(test):
    return getattr(test[1], "alone", False)


def run_all(tests, jobs, scale):
    """Run the tests, `jobs` at once, then those that must be alone (guest.alone), one after another."""
    waiting, running, count = sorted(tests, key=is_alone), [], {"ok": 0, "FAIL": 0, "skip": 0}
    while waiting or running:
        while waiting and len(running) < (1 if is_alone(waiting[0]) else jobs):
            running.append(Running(*waiting.pop(0), scale))
        for r in list(running):
            done = r.outcome()
            if done:
                running.remove(r)
                count[done[0]] += 1
                print("%-4s %s (%.1f s)%s" % (done[0], r.name, time.monotonic() - r.start, ": " + done[1] if done[1] else ""),
                      flush=True)
        time.sleep(0.05)
    return count


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--list", action="store_true", help="print the names only")
    ap.add_argument("-j", type=int, default=os.cpu_count() or 2, help="tests at once")
    ap.add_argument("--scale", type=float, default=1, help="multiply the time limits")
    ap.add_argument("pattern", nargs="*")
    args = ap.parse_args()
    tests = find_tests(args.pattern)
    if args.list:
        print("\n".join(name for name, _ in tests))
        return 0
    if not os.access(guest.EMULATOR, os.X_OK) and not shutil.which(guest.EMULATOR):
        print("FAIL: no emulator at %s: build it, or name one in TINAMOU" % guest.EMULATOR)
        print("0 passed, 1 failed, 0 skipped")
        return 1
    count = run_all(tests, args.j, args.scale)
    print("%d passed, %d failed, %d skipped" % (count["ok"], count["FAIL"], count["skip"]))
    return 1 if count["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
