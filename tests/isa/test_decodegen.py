#!/usr/bin/env python3
"""tools/decodegen.py: what it rejects, how it takes words apart, and that its decoders agree with its rows."""
import os
import random
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tools"))
import decodegen  # noqa: E402

HEAD = "%decoder decode 16\n%cond x=1 d->x == 1\n%cond x=2 d->x == 2\n%cond ext d->ext\n"


def load(text):
    with tempfile.NamedTemporaryFile("w", suffix=".decode") as f:
        f.write(HEAD + text)
        f.flush()
        return decodegen.load([f.name])


class Rejects(unittest.TestCase):
    def fails(self, text, message):
        with self.assertRaises(SystemExit) as e:
            load(text)
        self.assertIn(message, str(e.exception))
        self.assertRegex(str(e.exception), r":\d+: ")

    def test_two_rows_that_match_one_word(self):
        self.fails("a 0000 ---- ---- ----\nb ---- ---- ---- 0000\n", "match the same words")

    def test_overlap_under_the_same_condition(self):
        self.fails("a 0000 ---- ---- ---- ; ext\nb 0000 ---- ---- ---- ; x=1\n", "match the same words")

    def test_a_dot_that_no_field_names(self):
        self.fails("@f r=0:3\na 0000 0000 0000 .... @f\n", "bits 0x8 are '.'")

    def test_a_row_of_the_wrong_width(self):
        self.fails("a 0000\n", "4 bits, not 16")

    def test_fields_that_are_not_the_sets(self):
        self.fails("&s r imm\n@f &s r=0:4\na 0000 0000 0000 .... @f\n", "args_s has {r imm}")

    def test_names_that_are_not_defined(self):
        self.fails("a 0000 0000 0000 ---- @f\n", "no format '@f'")
        self.fails("a 0000 0000 0000 ---- ; nothing\n", "no condition 'nothing'")
        self.fails("a 0000 0000 0000 ---- ; r!=0\n", "no field 'r'")

    def test_one_function_with_two_argument_sets(self):
        self.fails("@f r=0:4\n@g s=0:4\na 0000 0000 0000 .... @f\na 0000 0000 0001 .... @g\n", "takes args_f elsewhere")


class Accepts(unittest.TestCase):
    def test_rows_whose_conditions_exclude_each_other(self):
        load("a 0000 ---- ---- ---- ; x=1\nb 0000 ---- ---- ---- ; x=2\n")

    def test_rows_that_a_field_tells_apart(self):
        load("@f r=0:4\na 0000 0000 0000 .... @f ; r!=3\nb 0000 0000 0000 0011\n")


class Fields(unittest.TestCase):
    def field(self, text):
        return decodegen.Field("test", "f", text)

    def test_pieces_signs_and_shifts(self):
        f = self.field("15:s1,0:2,8:1<<1")
        self.assertEqual(f.value(0b1000000000000000), -16)
        self.assertEqual(f.value(0b0000000100000011), 14)
        self.assertEqual(self.field("2:3+8").value(0b11100), 15)
        self.assertEqual(self.field("-3").value(0xffff), -3)

    def test_branch_offset_of_riscv(self):
        f = self.field("31:s1,7:1,25:6,8:4<<1")
        self.assertEqual(f.value(0xfe000ee3), -4)
        self.assertEqual(f.value(0x00b50463), 8)


class RiscvTables(unittest.TestCase):
    """The generated C, compiled against trans functions that report their name, finds the row that the tables say."""

    def test_decoder_agrees_with_the_rows(self):
        tables = decodegen.load([os.path.join(ROOT, "target", "riscv", n) for n in ("rv.decode", "rvc.decode")])
        rng = random.Random(1)
        for xlen in (32, 64):
            with tempfile.TemporaryDirectory() as tmp:
                words, want = self.sample(tables, rng, xlen)
                got = self.decode(tables, tmp, xlen, words)
                self.assertEqual(len(got), len(want))
                for word, w, g in zip(words, want, got):
                    self.assertEqual(w, g, "%#x" % word[1])

    def sample(self, tables, rng, xlen):
        words, want = [], []
        for n, dec in enumerate(tables.decoders):
            some = [rng.choice(dec.rows).random_word(rng, dec.width) for _ in range(20000)]
            some += [rng.getrandbits(dec.width) for _ in range(20000)]
            for w in some:
                other = "xlen=%d" % (96 - xlen)
                rows = [r for r in dec.rows if (w & r.mask) == r.value and r.allows(w) and [other] not in r.conds]
                self.assertLessEqual(len(rows), 1)
                words.append((n, w))
                want.append(" ".join([rows[0].name] + ["%d" % rows[0].field(f).value(w) for f in tables.argsets[rows[0].argset]])
                            if rows else "-")
        return words, want

    def decode(self, tables, tmp, xlen, words):
        conds = {"xlen=32": xlen == 32, "xlen=64": xlen == 64}
        for c in tables.conds:
            tables.conds[c] = "%d" % conds.get(c, True)
        with open(os.path.join(tmp, "decode.h"), "w") as f:
            f.write(decodegen.write_decode_h(tables, "test", "rv", "DECODE_H"))
        with open(os.path.join(tmp, "decode.c"), "w") as f:
            f.write(decodegen.write_decode_c(tables, "test", "decode.h"))
        with open(os.path.join(tmp, "main.c"), "w") as f:
            f.write('#include "decode.h"\n#include <stdio.h>\n')
            for name, argset in sorted(tables.trans.items()):
                fields = tables.argsets[argset]
                f.write("bool trans_%s(struct dis *d, const struct args_%s *a)\n{\n    (void)d, (void)a;\n" % (name, argset))
                f.write('    printf("%s%s\\n"%s);\n    return true;\n}\n' % (
                    name, " %d" * len(fields), "".join(", a->" + x for x in fields)))
            f.write("int main(void)\n{\n    unsigned n, w;\n    while (scanf(\"%u %x\", &n, &w) == 2)\n"
                    "        if (!(n ? rvc_decode16(0, w) : rv_decode32(0, w)))\n            puts(\"-\");\n    return 0;\n}\n")
        exe = os.path.join(tmp, "decode")
        subprocess.run(["cc", "-O1", "-w", "-o", exe, os.path.join(tmp, "main.c"), os.path.join(tmp, "decode.c")], check=True)
        text = "".join("%d %x\n" % w for w in words)
        return subprocess.run([exe], input=text, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()


if __name__ == "__main__":
    unittest.main()
