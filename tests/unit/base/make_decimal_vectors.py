#!/usr/bin/env python3
"""Writes decimal_vectors.inc: numbers with their canonical text, ascending by value as Python's decimal sees them."""
import decimal
import random

decimal.getcontext().prec = 200
random.seed(4)


def canonical(value):
    sign, digits, exponent = value.as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    stripped = text.rstrip("0")
    exponent += len(text) - len(stripped)
    if not stripped:
        return "0"
    point, count = len(stripped) + exponent, len(stripped)
    minus = "-" if sign else ""
    if count <= point <= 21:
        return minus + stripped + "0" * (point - count)
    if 0 < point <= 21:
        return minus + stripped[:point] + "." + stripped[point:]
    if -6 < point <= 0:
        return minus + "0." + "0" * -point + stripped
    fraction = "." + stripped[1:] if count > 1 else ""
    return f"{minus}{stripped[0]}{fraction}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def digits(count):
    return "".join(random.choice("0123456789") for _ in range(count))


def number():
    whole = random.choice(["0", random.choice("123456789") + digits(random.randrange(0, 30))])
    fraction = random.choice(["", "." + digits(random.randrange(1, 31))])
    exponent = random.choice(["", "", random.choice("eE") + random.choice(["", "+", "-"]) + digits(random.randrange(1, 3))])
    return random.choice(["", "-"]) + whole + fraction + exponent


texts = """0 -0 0.0 0e5 -0.00e-3 1 1.0 10e-1 0.1 1e-1 1.50 15e-1 1e-6 1e-7 1e-8 0.00000001 9e20 1e21 1E+21 999999999999999999999
9007199254740993 9007199254740992 0.30000000000000004 0.3 123456789012345678901234567890 1234567890.12345678901234567890
-1 -0.1 -1e-8 -123456789012345678901234567890 1e1000 9.9e1000 1e-1000 -1e1000""".split()
texts += [number() for _ in range(300)]
for text in sorted(texts, key=decimal.Decimal):
    print(f'{{"{text}", "{canonical(decimal.Decimal(text))}"}},')
