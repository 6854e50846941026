"""Writes colour profiles: no more tags than a conversion needs (ICC.1:2001-04, and ICC.1:2022 for parametric curves)."""

import struct

import numpy

# x and y of red, green and blue, all with D65 as white: IEC 61966-2-1; Adobe RGB (1998), 4.3.1; SMPTE EG 432-1.
SRGB_PRIMARIES = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
ADOBE_PRIMARIES = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
P3_PRIMARIES = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
D65 = (0.3127, 0.3290)
# sRGB's curve: its power, what is added to a value, and the straight part of shadows.
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
D50 = numpy.array([0.9642, 1.0, 0.8249])
BRADFORD = numpy.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def srgb():
    """IEC 61966-2-1."""
    return rgb(SRGB_PRIMARIES, parametric(SRGB_CURVE))


def adobe_rgb():
    """Adobe RGB (1998), with its own power."""
    return rgb(ADOBE_PRIMARIES, power(563 / 256))


def display_p3():
    """The primaries of cinemas with sRGB's curve, as phones have it."""
    return rgb(P3_PRIMARIES, parametric(SRGB_CURVE))


def gray(gamma):
    """Gray of which light is that power."""
    return profile(b"GRAY", b"XYZ ", {b"kTRC": power(gamma)})


def rgb(primaries, curve):
    """A space of three colours that have one curve."""
    colorants = {name: xyz(light) for name, light in zip((b"rXYZ", b"gXYZ", b"bXYZ"), adapted(primaries))}
    return profile(b"RGB ", b"XYZ ", colorants | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def inks(steps, lab):
    """A press: a table of so many steps of each of four inks, with what a function of them, from 0 to 1, prints (lut16Type)."""
    amounts = numpy.stack(numpy.meshgrid(*[numpy.linspace(0, 1, steps)] * 4, indexing="ij"), -1).reshape(-1, 4)
    straight = struct.pack(">HH", 0, 0xFFFF)
    # Version 2 counts 100 as 0xFF00, and 0 of the two others as 0x8000.
    values = (lab(amounts) + (0, 128, 128)) * (652.8, 256, 256)
    head = struct.pack(">4sI4B9iHH", b"mft2", 0, 4, 3, steps, 0, *map(fixed, numpy.eye(3).ravel()), 2, 2)
    table = numpy.clip(numpy.round(values), 0, 0xFFFF).astype(">u2").tobytes()
    return profile(b"CMYK", b"Lab ", {b"A2B0": head + straight * 4 + table + straight * 3})


def adapted(primaries):
    """CIE XYZ of each primary in such amounts as give white together, seen with D50 as white (SMPTE RP 177; ICC.1:2022, E)."""
    colours = numpy.array([(x / y, 1, (1 - x - y) / y) for x, y in primaries]).T
    white = numpy.array([D65[0] / D65[1], 1, (1 - sum(D65)) / D65[1]])
    scale = numpy.diag((BRADFORD @ D50) / (BRADFORD @ white))
    return (numpy.linalg.inv(BRADFORD) @ scale @ BRADFORD @ (colours * numpy.linalg.solve(colours, white))).T


def power(gamma):
    """A curve (curveType with one number)."""
    return struct.pack(">4sIIH2x", b"curv", 0, 1, round(gamma * 256))


def parametric(parameters):
    """A curve with a straight part (parametricCurveType, function 3)."""
    return struct.pack(">4sIHH5i", b"para", 0, 3, 0, *map(fixed, parameters))


def xyz(light):
    """A colour (XYZType)."""
    return struct.pack(">4sIiii", b"XYZ ", 0, *map(fixed, light))


def fixed(number):
    """s15Fixed16Number."""
    return round(number * 65536)


def profile(space, measured, tags):
    """All of it. What two tags share lies there once."""
    places, data, start = {}, b"", 128 + 4 + 12 * len(tags)
    for body in tags.values():
        if body not in places:
            places[body] = start + len(data)
            data += body
    listed = struct.pack(">I", len(tags))
    listed += b"".join(name + struct.pack(">II", places[body], len(body)) for name, body in tags.items())
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    version = 0x04300000 if any(body.startswith(b"para") for body in tags.values()) else 0x02400000
    head = struct.pack(">I4xI4s4s4s12x4s28xiii", start + len(data), version, kind, space, measured, b"acsp", *map(fixed, D50))
    return head.ljust(128, b"\0") + listed + data
