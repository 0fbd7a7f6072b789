#!/usr/bin/env python3
"""Exceptions at each memory access of a hot loop: loops of one to six accesses, where the k-th faults in turn n.

Each loop walks as many pointers through pages of their own.  For each case one of them begins so far before a bad page
that its access faults in turn n; the trap must come from that access, with its address, and every register must hold
what a model in Python says: the turn's earlier instructions are done, its later ones are not.

RUN: xlen=64 cpu=max
RUN: xlen=32 cpu=max
"""
import random
import sys

X = int(sys.argv[1])
WORD = X // 8
rng = random.Random(X)
PAGE, FRAMES = 4096, 4
WINDOW = 0x100000000 if X == 64 else 0x40000000
ROOM, BAD = 80, 40  # pages of each pointer, and which of them is bad
TURNS = [1, 2, 7, 8, 9, 20, "page"]
STRIDES = [8, 8, 4, -8, 16, -4, 64, 256, -256, 2, 1]
OPS = {"lw": 4, "lbu": 1, "lh": 2, "sw": 4, "sh": 2, "sb": 1, "amoadd.w": 4}
OPS.update({"ld": 8, "sd": 8} if X == 64 else {})
# What the bad page's entry is, and the causes of a load's and a store's exception.
KINDS = {"missing": ("0", 13, 15), "constant": ("ENTRY(PHYS(1), PTE_V | PTE_R | PTE_A)", None, 15),
         "nowhere": ("ENTRY(0x28000000, RW)", 5, 7), "across": ("0", 13, 15), "misaligned": (None, None, 6)}
POINTERS = ["a0", "a1", "a2", "a3", "a4", "a5"]
VALUES = ["s1", "s2", "s3", "s4", "s5", "s6"]
TURN, SUM, LATE = "s7", "a6", "a7"

memory = bytearray(FRAMES * PAGE)


def u(v):
    return v & (1 << X) - 1


def host(i, address):
    """Index in memory of pointer i's address."""
    page = (address - WINDOW) // PAGE - ROOM * i
    assert 0 <= page < ROOM
    return page % FRAMES * PAGE + address % PAGE


def get(i, address, size):
    return int.from_bytes(bytes(memory[host(i, address + k)] for k in range(size)), "little")


def put(i, address, size, value):
    for k in range(size):
        memory[host(i, address + k)] = value >> 8 * k & 255


class Access:
    def __init__(self, op, stride):
        self.op, self.stride, self.size = op, stride, OPS[op]
        self.is_store = op[0] in "sa"

    def perform(self, i, address, value):
        """What the register holds afterwards."""
        if self.op[0] == "s":
            put(i, address, self.size, value)
            return value
        old = get(i, address, self.size)
        if self.op[0] == "a":
            put(i, address, 4, old + value)
        if self.op != "lbu":
            old = (old ^ 1 << (8 * self.size - 1)) - (1 << (8 * self.size - 1))
        return u(old)


def random_access():
    op = rng.choice(sorted(OPS))
    strides = [s for s in STRIDES if abs(s) >= OPS[op] and (op[0] != "a" or s % 4 == 0)]
    return Access(op, rng.choice(strides))


class Loop:
    def __init__(self, number, n):
        self.name = "loop_%d" % number
        self.accesses = [random_access() for _ in range(n)]

    def code(self):
        print("    .balign 128\n%s:\n    addi %s, %s, 1" % (self.name, TURN, TURN))
        for i, a in enumerate(self.accesses):
            p, v = POINTERS[i], VALUES[i]
            if a.is_store:
                print("    addi %s, %s, %d" % (v, TURN, i))
            print("%s_%d:" % (self.name, i))
            print("    %s %s, %s" % (a.op, v, "%s, (%s)" % (v, p) if a.op[0] == "a" else "0(%s)" % p))
            print("    addi %s, %s, %d\n    add %s, %s, %s" % (p, p, a.stride, SUM, SUM, v))
        print("    slli %s, %s, 1\n    bnez %s, %s\n    j fail" % (LATE, TURN, TURN, self.name))

    def starts(self, bad, turn, address):
        """Where the pointers begin: number bad is at the address in that turn, the others stay in good pages."""
        out = []
        for i, a in enumerate(self.accesses):
            page = WINDOW + (ROOM * i + BAD) * PAGE
            if i == bad:
                out.append(address - a.stride * (turn - 1))
            elif a.stride > 0:
                out.append(page + PAGE + 8 * rng.randrange(0, 64))
            else:
                out.append(page - 8 * rng.randrange(1, 64))
        return out

    def run(self, bad, turn, pointers):
        """(turns, sum, late value, values, pointers) when access number bad of that turn faults."""
        total = late = 0
        pointers, values = list(pointers), [0] * 6
        for n in range(1, turn + 1):
            for i, a in enumerate(self.accesses):
                if a.is_store:
                    values[i] = n + i
                if n == turn and i == bad:
                    return [n, u(total), late] + values + pointers
                values[i] = a.perform(i, pointers[i], values[i])
                pointers[i] += a.stride
                total += values[i]
            late = 2 * n


def fault_address(a, i, kind):
    """(address of the access, mtval), or None where the kind makes no sense."""
    page = WINDOW + (ROOM * i + BAD) * PAGE
    if kind == "across":
        return (page - a.size + 1, page) if a.size > 1 and a.stride > 0 and a.op[0] != "a" else None
    if kind == "misaligned":
        return (page + PAGE + 2,) * 2 if a.op[0] == "a" else None
    at = page if a.stride > 0 else page + PAGE - a.size
    return at, at


def case(number, loop, bad, turn, kind):
    a = loop.accesses[bad]
    entry, of_load, of_store = KINDS[kind]
    cause, where = of_store if a.is_store else of_load, fault_address(a, bad, kind)
    if cause is None or where is None or (kind == "misaligned" and turn != 1):
        return None
    n = min(PAGE // abs(a.stride) + 1, 513) if turn == "page" else turn
    pointers = loop.starts(bad, n, where[0])
    state = loop.run(bad, n, pointers)
    good = "ENTRY(PHYS(%d), RW)" % (1 + BAD % FRAMES)
    print('    TEST "%s, access %d (%s by %d), turn %d: %s"' % (loop.name, bad + 1, a.op, a.stride, n, kind))
    print("    la s9, row_%d\n    jal run_case" % number)
    pad = [0] * (6 - len(pointers))
    return [loop.name, "L0(0) + %d" % ((ROOM * bad + BAD) * WORD), entry or good, good, cause,
            "%s_%d" % (loop.name, bad), where[1]] + pointers + pad + state + pad


HEAD = """/* Exceptions at each access of hot loops: see gen_loop_faults.py. */
#include "test.h"
#include "sys.h"

tests:
    OPEN_PMP
    MAKE_TABLES 0
    /* the window: page n is frame n %% FRAMES, whose bytes are zero */
    li s1, L0(0)
    li s2, 0
    li s3, %d
1:  andi s4, s2, %d
    slli s4, s4, 10
    li s5, ENTRY(PHYS(1), RW)
    add s4, s4, s5
    SX s4, 0(s1)
    addi s1, s1, PTE_SIZE
    addi s2, s2, 1
    bne s2, s3, 1b
    SET_SATP 0, 1
    sfence.vma
    j cases

/* s9 = the row: loop, address of the bad page's entry, its value then, its value before and after, mcause, mepc, mtval,
   pointers; then what turn, sum, late value, values and pointers must be. */
run_case:
    mv t3, ra
    LX s10, %d(s9)
    LX s11, %d(s9)
    SX s11, 0(s10)
    sfence.vma
"""


def main():
    loops = [Loop(2 * n + k, n) for n in range(1, 7) for k in range(2)]
    print(HEAD % (6 * ROOM, FRAMES - 1, WORD, 2 * WORD))
    for i, p in enumerate(POINTERS):
        print("    LX %s, %d(s9)" % (p, (7 + i) * WORD))
    for r in VALUES + [TURN, SUM, LATE]:
        print("    li %s, 0" % r)
    print("    li s10, MPP_M\n    csrc mstatus, s10\n    li s10, MPP_S\n    csrs mstatus, s10")
    print("    LX s10, 0(s9)\n    csrw mepc, s10\n    LX tp, %d(s9)\n    la ra, 1f\n    mret" % (4 * WORD))
    print("1:")
    for k, r in enumerate(["t1", "t0"]):
        print("    LX sp, %d(s9)\n    bne sp, %s, 2f" % ((5 + k) * WORD, r))
    for k, r in enumerate([TURN, SUM, LATE] + VALUES + POINTERS):
        print("    LX sp, %d(s9)\n    bne sp, %s, 2f" % ((13 + k) * WORD, r))
    print("    LX s10, %d(s9)\n    LX s11, %d(s9)\n    SX s11, 0(s10)\n    sfence.vma\n    jr t3" % (WORD, 3 * WORD))
    print("2:  j fail\n")
    for loop in loops:
        loop.code()
    print("cases:")
    rows = []
    for loop in loops:
        for bad in range(len(loop.accesses)):
            for kind in KINDS:
                for turn in TURNS:
                    row = case(len(rows), loop, bad, turn, kind)
                    if row:
                        rows.append(row)
    print("    j pass\n    .balign 8")
    for n, row in enumerate(rows):
        print("row_%d:\n    DX %s" % (n, ", ".join(str(v) for v in row)))


main()
