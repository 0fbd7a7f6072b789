#!/usr/bin/env python3
"""Interrupts at a high rate into hot loops of several kinds: each comes between two instructions.

In these loops every register is a linear function of the turn.  A model in Python knows it before each instruction, so
the handler, which finds the interrupted pc in a table, can prove that all before it is done and nothing after it is.

RUN: xlen=64 cpu=max
RUN: xlen=32 cpu=max
"""
import sys

X = int(sys.argv[1])
WORD = X // 8
TURNS = 400  # of an inner loop
WANTED = 2000  # interrupts inside each loop
SOURCE, TARGET = 0x80280000, 0x80290000
TURN = "s7"
# Registers by number in the saved area; the last ones are what FP registers hold, as integers.
SLOT = {"s7": 23, "a0": 10, "a1": 11, "a2": 12, "a3": 13, "a4": 14, "a5": 15, "a6": 16, "a7": 17, "s2": 18, "s3": 19, "s4": 20,
        "t3": 28, "t4": 29, "fs0": 32, "fs2": 33, "fs3": 34}
SINGLES, DOUBLES = ("fs0", "fs2"), ("fs3",)


def addi(d, a, n, op="addi"):
    return "%s %s, %s, %d" % (op, d, a, n), lambda s: s.update({d: s[a] + n})


def addiw(d, a, n):
    return addi(d, a, n, "addiw" if X == 64 else "addi")


def double(d, a):
    return "slli %s, %s, 1" % (d, a), lambda s: s.update({d: 2 * s[a]})


def load(d, a):
    """Each word of the source is 3 * its number."""
    return "lw %s, 0(%s)" % (d, a), lambda s: s.update({d: 3 * ((s[a] - SOURCE) // 4)})


def store(v, a):
    return "sw %s, 0(%s)" % (v, a), lambda s: None


def fadd(k, d, a, one):
    return "fadd.%s %s, %s, %s" % (k, d, a, one), lambda s: s.update({d: s[a] + 1})


def fcopy(k, d, a, one):
    return "fmul.%s %s, %s, %s" % (k, d, a, one), lambda s: s.update({d: s[a]})


def goto(text, to, when):
    return text, lambda s: to if when(s) else None


def back(text):
    """To the loop's head; the model goes there always."""
    return text, lambda s: 0


ALWAYS = (lambda s: True)
# name: instructions, registers as the first turn finds them; s8 holds TURNS.
LOOPS = {
    "a copy, values that nobody reads, sums": ([
        load("a2", "a0"), store("a2", "a1"), addi("a0", "a0", 4), addi("a6", TURN, 7), addi(TURN, TURN, 1), addi("a1", "a1", 4),
        double("a7", TURN), fadd("s", "fs0", "fs0", "fs1"), fcopy("s", "fs2", "fs0", "fs1"), fadd("d", "fs3", "fs3", "fs4"),
        back("bne s7, s8, {head}")], {"a0": SOURCE, "a1": TARGET}),
    "two ways through the body": ([
        ("andi t5, s7, 1", lambda s: s.update(t5=s[TURN] & 1)),
        goto("beqz t5, {head} + 20", 5, lambda s: s["t5"] == 0),
        addi("a4", "a4", 2), store("a4", "a1"), goto("j {head} + 28", 7, ALWAYS),
        addi("a4", "a4", 2), store("a4", "a1"), addi("a1", "a1", 8), addi("a5", "a4", 100), load("a2", "a0"),
        addi(TURN, TURN, 1), addi("a0", "a0", 4), back("bltu s7, s8, {head}")], {"a0": SOURCE, "a1": TARGET}),
    "downwards, with a counter of 32 bits": ([
        load("a2", "a0"), addi("a0", "a0", -4), store("a2", "a1"), store("a2", "s2"), addi("s2", "s2", 16),
        addiw("a3", "a3", -1), addi("a1", "a1", -8), addi("a6", "a3", 5), addi(TURN, TURN, 1), addi("s3", "a6", 1),
        back("bnez a3, {head}")], {"a0": SOURCE + 4 * TURNS, "a1": TARGET + 8 * TURNS, "a3": TURNS, "s2": TARGET + 0x4000}),
    "a test at the top": ([
        goto("beq s7, s8, {end}", 99, lambda s: False), load("a2", "a0"), addi("t3", "t3", 3), addi("a0", "a0", 8),
        addi("t4", "t3", 1), addi(TURN, TURN, 1), addi("t4", "t4", 1), back("j {head}")], {"a0": SOURCE}),
    "registers only": ([
        addi("a4", "a4", 1), addi("s4", "a4", 9), addi("a5", "s4", -4), addi(TURN, TURN, 1), double("a7", "a4"),
        back("bne s7, s8, {head}")], {}),
}


def simulate(code, first, turns):
    """Registers before each instruction, by (turn, instruction); a register that nobody set holds 0."""
    s = dict({r: 0 for r in SLOT}, t5=0)
    s.update(first)
    seen, pc, turn = {}, 0, 0
    while turn < turns:
        seen[turn, pc] = dict(s)
        to = code[pc][1](s)
        turn += pc == len(code) - 1
        pc = pc + 1 if to is None else to
    return seen


def model(code, first):
    """[(register, step, base)], and per instruction what remains: value - step * s7 - base."""
    seen = simulate(code, first, 8)
    step = {r: seen[6, 0][r] - seen[5, 0][r] for r in SLOT}
    used = [r for r in SLOT if step[r]]
    base = {r: seen[5, 0][r] - step[r] * seen[5, 0][TURN] for r in used}
    rest = []
    for pc in range(len(code)):
        turn = next(t for t in (5, 6) if (t, pc) in seen)
        at = seen[turn, pc]
        rest.append([at[r] - step[r] * at[TURN] - base[r] for r in used])
        for t in range(2, 8):
            assert (t, pc) not in seen or all(seen[t, pc][r] - step[r] * seen[t, pc][TURN] - base[r] == rest[-1][i]
                                              for i, r in enumerate(used))
    return [(r, step[r], base[r]) for r in used], rest


HEAD = """/* Interrupts into hot loops: see gen_loop_irq.py. */
#include "test.h"
#include "sys.h"

#define MTIMECMP 0x2004000
#define MTIME    0x200bff8
#define AREA     (SCRATCH + 0x70000) /* registers, then lo, hi, table, rows, number of registers */
#define LO       (40 * XSIZE)

.macro ARM
    li a0, MTIME
    lw a1, 0(a0)
    slli a2, s0, 3
    andi a2, a2, 127
    add a1, a1, a2
    addi a1, a1, 200
    li a0, MTIMECMP
    sw zero, 4(a0)
    sw a1, 0(a0)
.endm

tests:
    OPEN_PMP
    li s1, %d
    li s2, %d
    li s3, 0
1:  sw s3, 0(s1)
    addi s1, s1, 4
    addi s3, s3, 3
    bne s1, s2, 1b
    li a0, 1
    fcvt.s.w fs1, a0
    fcvt.d.w fs4, a0
    li a0, AREA
    csrw mscratch, a0
    j loops

/* s0 counts the interrupts inside the loop. */
    .balign 4
on_timer:
    csrrw sp, mscratch, sp
    .irp n, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    SX x\\n, XSIZE * \\n(sp)
    .endr
    csrr a0, mcause
    bgez a0, unexpected
    csrr a1, mepc
    andi a0, a1, 3
    bnez a0, fail
    LX a2, LO(sp)
    LX a3, LO + XSIZE(sp)
    bltu a1, a2, 2f
    bgeu a1, a3, 2f
    addi s0, s0, 1
    SX s0, XSIZE * 8(sp)
    fcvt.w.s a0, fs0
    SX a0, XSIZE * 32(sp)
    fcvt.w.s a0, fs2
    SX a0, XSIZE * 33(sp)
    fcvt.w.d a0, fs3
    SX a0, XSIZE * 34(sp)
    LX a4, LO + 2 * XSIZE(sp) /* the registers */
    LX a5, LO + 3 * XSIZE(sp) /* what remains of them */
    LX a6, LO + 4 * XSIZE(sp) /* how many there are */
    sub a1, a1, a2
    srli a1, a1, 2
    mul a1, a1, a6
    slli a1, a1, %d
    add a5, a5, a1
1:  LX a0, 0(a4)
    add a0, a0, sp
    LX a0, 0(a0)
    LX a1, XSIZE(a4)
    mul a1, a1, s7
    sub a0, a0, a1
    LX a1, 2 * XSIZE(a4)
    sub a0, a0, a1
    LX a1, 0(a5)
    bne a0, a1, fail
    addi a4, a4, 3 * XSIZE
    addi a5, a5, XSIZE
    addi a6, a6, -1
    bnez a6, 1b
2:  ARM
    .irp n, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    LX x\\n, XSIZE * \\n(sp)
    .endr
    csrrw sp, mscratch, sp
    mret
unexpected:
    csrr t2, mcause
    j unexpected_trap

loops:"""


def print_loop(number, name, code, first):
    registers, rest = model(code, first)
    keys = {"head": "head_%d" % number, "end": "end_%d" % number}
    print('    TEST "%s"' % name)
    print("    li a0, AREA + LO")
    for k, v in enumerate(["head_%d" % number, "end_%d" % number, "registers_%d" % number, "rest_%d" % number]):
        print("    la a1, %s\n    SX a1, %d * XSIZE(a0)" % (v, k))
    print("    li a1, %d\n    SX a1, 4 * XSIZE(a0)" % len(registers))
    print("    la a0, on_timer\n    csrw mtvec, a0\n    li s0, 0\n    li s9, %d\n    li s8, %d" % (WANTED, TURNS))
    print("    li a0, 0x80\n    csrw mie, a0\n    ARM\n    csrsi mstatus, MSTATUS_MIE\nagain_%d:" % number)
    print("    li s7, 0")
    # A register as the first turn finds it is what the line through later turns says.
    for r, step, base in registers:
        if r in SINGLES + DOUBLES:
            print("    li t5, %d\n    fcvt.%s.w %s, t5" % (base, "s" if r in SINGLES else "d", r))
        elif r != TURN:
            print("    li %s, %d" % (r, base))
    print("    .balign 64\nhead_%d:" % number)
    for text, _ in code:
        print("    " + text.format(**keys))
    print("end_%d:" % number)
    for r, step, base in registers:
        value = base + step * TURNS
        if r not in SINGLES + DOUBLES:
            print("    li t6, %d\n    bne %s, t6, fail" % (value, r))
        else:
            print("    li t6, %d\n    fcvt.w.%s t5, %s\n    bne t5, t6, fail" % (value, "s" if r in SINGLES else "d", r))
    print("    blt s0, s9, again_%d" % number)
    print("    csrci mstatus, MSTATUS_MIE\n    csrw mie, zero\n    la a0, trap\n    csrw mtvec, a0\n    j next_%d" % number)
    print("    .balign 8\nregisters_%d:" % number)
    for r, step, base in registers:
        print("    DX %d, %d, %d" % (SLOT[r] * WORD, step, base))
    print("rest_%d:" % number)
    for row in rest:
        print("    DX " + ", ".join(str(v) for v in row))
    print("next_%d:" % number)


def main():
    print(HEAD % (SOURCE, SOURCE + 4 * 2048, 3 if X == 64 else 2))
    for number, (name, (code, first)) in enumerate(LOOPS.items()):
        print_loop(number, name, code, first)
    print("    j pass")


main()
