"""Exact IEEE 754 arithmetic on fractions: the model that floating-point tests compare with.

Ref: IEEE Std 754-2019; The RISC-V Instruction Set Manual, Volume I, chapters 20 to 25 (NaNs, flags, saturation).
A number is given by its bit pattern; functions return (bit pattern, flags).
"""
from fractions import Fraction
from math import isqrt

NX, UF, OF, DZ, NV = 1, 2, 4, 8, 16
RNE, RTZ, RDN, RUP, RMM = range(5)


class Format:
    def __init__(self, name, bits, precision):
        self.name, self.bits, self.p = name, bits, precision
        self.w = bits - precision                      # exponent bits
        self.bias = (1 << (self.w - 1)) - 1
        self.emin, self.emax = 1 - self.bias, self.bias
        self.nan = ((1 << self.w) - 1) << (precision - 1) | 1 << (precision - 2)
        self.inf = ((1 << self.w) - 1) << (precision - 1)
        self.sign = 1 << (bits - 1)
        self.max = self.inf - 1

    def split(self, x):
        return x >> (self.bits - 1), x >> (self.p - 1) & ((1 << self.w) - 1), x & ((1 << (self.p - 1)) - 1)

    def is_nan(self, x):
        return x & ~self.sign & ((1 << self.bits) - 1) > self.inf

    def is_snan(self, x):
        return self.is_nan(x) and not x >> (self.p - 2) & 1

    def is_inf(self, x):
        return x & ~self.sign == self.inf

    def is_zero(self, x):
        return x & ~self.sign == 0

    def negative(self, x):
        return x >> (self.bits - 1)

    def value(self, x):
        """A finite number as a fraction."""
        s, e, m = self.split(x)
        if e:
            m |= 1 << (self.p - 1)
        else:
            e = 1
        v = Fraction(m) * Fraction(2) ** (e - self.bias - self.p + 1)
        return -v if s else v


H, S, D = Format("h", 16, 11), Format("s", 32, 24), Format("d", 64, 53)


def round_fraction(v, rm):
    """A fraction to an integer; (integer, whether it is exact)."""
    low = v.numerator // v.denominator
    rest = v - low
    if rest == 0:
        return low, True
    if rm == RTZ:
        up = v < 0
    elif rm == RDN:
        up = False
    elif rm == RUP:
        up = True
    elif rest != Fraction(1, 2):
        up = rest > Fraction(1, 2)
    else:
        up = (low & 1) if rm == RNE else v > 0
    return low + bool(up), False


def exponent(v):
    """e with 2^e <= v < 2^(e+1), for v > 0."""
    e = v.numerator.bit_length() - v.denominator.bit_length()
    return e if v >= Fraction(2) ** e else e - 1


def pack(f, v, rm, zero_sign):
    """A fraction rounded to a format; tininess is detected after rounding."""
    if v == 0:
        return (f.sign if zero_sign else 0), 0
    neg = v < 0
    sign = f.sign if neg else 0
    e = exponent(abs(v))
    quantum = Fraction(2) ** (max(e, f.emin) - f.p + 1)
    n, exact = round_fraction(v / quantum, rm)
    n = abs(n)
    flags = 0 if exact else NX
    # Tiny: the result with an unbounded exponent would lie below the smallest normal number.
    if e < f.emin and not exact:
        unbounded, _ = round_fraction(v / Fraction(2) ** (e - f.p + 1), rm)
        if abs(unbounded) * Fraction(2) ** (e - f.p + 1) < Fraction(2) ** f.emin:
            flags |= UF
    if n == 0:
        return sign, flags
    r = n * quantum
    if exponent(r) > f.emax:
        to_inf = rm in (RNE, RMM) or (rm == RUP and not neg) or (rm == RDN and neg)
        return sign | (f.inf if to_inf else f.max), OF | NX
    er = exponent(r)
    if er < f.emin:
        return sign | int(r / Fraction(2) ** (f.emin - f.p + 1)), flags
    m = int(r / Fraction(2) ** (er - f.p + 1))
    return sign | (er + f.bias) << (f.p - 1) | (m & ((1 << (f.p - 1)) - 1)), flags


def invalid_nan(f, *xs):
    return f.nan, NV if any(f.is_snan(x) for x in xs) else 0


def add(f, a, b, rm):
    if f.is_nan(a) or f.is_nan(b):
        return invalid_nan(f, a, b)
    if f.is_inf(a):
        return (f.nan, NV) if f.is_inf(b) and a != b else (a, 0)
    if f.is_inf(b):
        return b, 0
    if f.is_zero(a) and f.is_zero(b):
        return (a if a == b else f.sign if rm == RDN else 0), 0
    return pack(f, f.value(a) + f.value(b), rm, rm == RDN)


def sub(f, a, b, rm):
    return add(f, a, b if f.is_nan(b) else b ^ f.sign, rm)


def mul(f, a, b, rm):
    if f.is_nan(a) or f.is_nan(b):
        return invalid_nan(f, a, b)
    sign = (a ^ b) & f.sign
    if f.is_inf(a) or f.is_inf(b):
        return (f.nan, NV) if f.is_zero(a) or f.is_zero(b) else (sign | f.inf, 0)
    return pack(f, f.value(a) * f.value(b), rm, sign)


def div(f, a, b, rm):
    if f.is_nan(a) or f.is_nan(b):
        return invalid_nan(f, a, b)
    sign = (a ^ b) & f.sign
    if f.is_inf(a):
        return (f.nan, NV) if f.is_inf(b) else (sign | f.inf, 0)
    if f.is_inf(b):
        return sign, 0
    if f.is_zero(b):
        return (f.nan, NV) if f.is_zero(a) else (sign | f.inf, DZ)
    return pack(f, f.value(a) / f.value(b), rm, sign)


def sqrt(f, a, rm):
    if f.is_nan(a):
        return invalid_nan(f, a)
    if f.is_zero(a):
        return a, 0
    if f.negative(a):
        return f.nan, NV
    if f.is_inf(a):
        return a, 0
    # Two more than enough bits of the root, the last one sticky, round as the root does.
    v = f.value(a)
    shift = 2 * (f.p + 4) - exponent(v)
    shift += shift & 1
    scaled = v * Fraction(2) ** shift
    n = scaled.numerator // scaled.denominator
    root = isqrt(n)
    sticky = root * root != scaled
    return pack(f, Fraction(2 * root + sticky, 2) / Fraction(2) ** (shift // 2), rm, 0)


def fma(f, a, b, c, rm, neg_product=False, neg_addend=False):
    if neg_product and not f.is_nan(a):
        a ^= f.sign
    if neg_addend and not f.is_nan(c):
        c ^= f.sign
    bad = (f.is_inf(a) and f.is_zero(b)) or (f.is_zero(a) and f.is_inf(b))
    if f.is_nan(a) or f.is_nan(b) or f.is_nan(c):
        r, flags = invalid_nan(f, a, b, c)
        return r, flags | (NV if bad else 0)
    if bad:
        return f.nan, NV
    sign = (a ^ b) & f.sign
    if f.is_inf(a) or f.is_inf(b):
        return (f.nan, NV) if f.is_inf(c) and bool(c & f.sign) != bool(sign) else (sign | f.inf, 0)
    if f.is_inf(c):
        return c, 0
    product = f.value(a) * f.value(b)
    if product == 0 and f.is_zero(c):
        return (c if c & f.sign == sign else f.sign if rm == RDN else 0), 0
    return pack(f, product + f.value(c), rm, rm == RDN)


def key(f, x):
    """Order of numbers, -0 before +0."""
    return (-(x & ~f.sign), 0) if f.negative(x) else (x, 1)


def minmax(f, a, b, largest, propagate):
    flags = NV if f.is_snan(a) or f.is_snan(b) else 0
    if f.is_nan(a) or f.is_nan(b):
        if propagate or (f.is_nan(a) and f.is_nan(b)):
            return f.nan, flags
        return (b if f.is_nan(a) else a), flags
    return (max if largest else min)(a, b, key=lambda x: key(f, x)), flags


def compare(f, a, b, op, quiet):
    """op: eq, lt or le."""
    if f.is_nan(a) or f.is_nan(b):
        return 0, 0 if quiet and not (f.is_snan(a) or f.is_snan(b)) else NV
    x, y = (0 if f.is_zero(v) else key(f, v)[0] for v in (a, b))
    return int({"eq": x == y, "lt": x < y, "le": x <= y}[op]), 0


def classify(f, x):
    if f.is_nan(x):
        return 0x100 if f.is_snan(x) else 0x200
    neg, (_, e, m) = f.negative(x), f.split(x)
    if f.is_inf(x):
        kind = 0
    elif f.is_zero(x):
        kind = 3
    else:
        kind = 1 if e else 2
    return 1 << (kind if neg else 7 - kind)


def to_int(f, x, bits, signed, rm):
    """Saturating; the result as a signed number where a register sign-extends it."""
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    if f.is_nan(x):
        return high, NV
    if f.is_inf(x):
        return (low if f.negative(x) else high), NV
    n, exact = round_fraction(f.value(x), rm)
    if n < low or n > high:
        return (low if n < low else high), NV
    return n, 0 if exact else NX


def from_int(f, n, rm):
    return pack(f, Fraction(n), rm, 0)


def convert(to, frm, x, rm):
    if frm.is_nan(x):
        return to.nan, NV if frm.is_snan(x) else 0
    sign = to.sign if frm.negative(x) else 0
    if frm.is_inf(x):
        return sign | to.inf, 0
    return pack(to, frm.value(x), rm, sign)


def round_int(f, x, rm, exact_flag):
    if f.is_nan(x):
        return f.nan, NV if f.is_snan(x) else 0
    if f.is_inf(x) or f.is_zero(x):
        return x, 0
    n, exact = round_fraction(f.value(x), rm)
    r, _ = pack(f, Fraction(n), RNE, f.negative(x))
    return r, NX if exact_flag and not exact else 0


def to_int_mod(x):
    """fcvtmod.w.d: truncated, modulo 2^32, flags as fcvt.w.d."""
    if D.is_nan(x) or D.is_inf(x):
        return 0, NV
    n, exact = round_fraction(D.value(x), RTZ)
    r = (n + (1 << 31)) % (1 << 32) - (1 << 31)
    return r, NV if n != r else 0 if exact else NX
