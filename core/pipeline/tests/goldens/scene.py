"""The photos that are made: one chart, in each format, in each colour space, in each way in which a file says so."""

import io
import struct
import zlib

import imagecodecs
import numpy
from PIL import Image

import profiles

# In pixels.
SIDES = (96, 120)
# Colours that flow into one another: corners of the cube, grays, skins and shadows, alike in no turn.
CHART = """
    ff0000 ffff00 00ff00 00ffff
    8d5524 e0ac69 ffdbac 0000ff
    202020 707070 c0c0c0 ff00ff
    0c1830 506030 a03050 ffffff
    000000 183018 d08020 60a0e0
"""
P3_CICP = (12, 13, 0, 1)
# Of white, red, green and blue, in hundred-thousandths; and the power of 256/563.
ADOBE_CHROMATICITIES = (31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
ADOBE_GAMMA = 45470
# As phones write it, but in the primaries of cinemas.
P3_NCLX = {"color_primaries": 12, "transfer_characteristics": 13, "matrix_coefficients": 6, "full_range_flag": 1}
# What inks leave of red, green and blue light where they lie full; black leaves so much that its depth matters.
LEFT = ((0.05, 0.75, 0.90), (0.90, 0.10, 0.60), (0.98, 0.90, 0.15), (0.03, 0.03, 0.03))


def photos():
    """What each file holds, by its name."""
    levels, inks = narrow(chart()), separated(chart())
    adobe, p3, gray, press = profiles.adobe_rgb(), profiles.display_p3(), profiles.gray(1.8), profiles.inks(5, printed)
    ycck = imagecodecs.jpeg8_encode(255 - inks, 95, colorspace="CMYK", outcolorspace="YCCK", subsampling="444")
    return {
        "srgb.jpg": saved(levels, "JPEG", quality=95, icc_profile=profiles.srgb()),
        "p3.jpg": saved(levels, "JPEG", quality=95, icc_profile=p3),
        "adobe-progressive.jpg": saved(levels, "JPEG", quality=95, progressive=True, icc_profile=adobe),
        "gray.jpg": saved(levels[..., 1], "JPEG", quality=95, icc_profile=gray),
        "press.jpg": saved(inks, "JPEG", "CMYK", quality=95, icc_profile=press),
        "press-ycck.jpg": with_segment(ycck, 0xE2, b"ICC_PROFILE\0\1\1" + press),
        "ycck.jpg": ycck,
        "p3.png": saved(levels, "PNG", icc_profile=p3),
        "p3-clear.png": saved(clear(levels), "PNG", icc_profile=p3),
        "p3-cicp.png": with_chunks(saved(levels, "PNG"), cICP=bytes(P3_CICP)),
        "adobe-chrm.png": with_chunks(saved(levels, "PNG"), gAMA=numbers(ADOBE_GAMMA), cHRM=numbers(*ADOBE_CHROMATICITIES)),
        "adobe-16.png": with_chunks(wide_png(chart()), iCCP=packed(adobe)),
        "gray-16.png": with_chunks(wide_png(chart()[..., 1]), iCCP=packed(gray)),
        # Light as it is: in eight bits there would be no shadows.
        "light-16.png": with_chunks(wide_png(chart() ** 3), gAMA=numbers(100000)),
        "stripes.png": saved(striped(levels), "PNG"),
        "adobe.webp": saved(levels, "WEBP", quality=95, icc_profile=adobe),
        "p3-clear.webp": saved(clear(levels), "WEBP", quality=95, icc_profile=p3),
        "clear.gif": clear_gif(levels),
        "p3.heic": saved(levels, "HEIF", quality=90, **P3_NCLX),
    }


def chart():
    """Red, green and blue from 0 to 1, upright."""
    colours = [[tuple(bytes.fromhex(colour)) for colour in row.split()] for row in CHART.split("\n") if row.strip()]
    parts = numpy.array(colours, numpy.float32).transpose(2, 0, 1)
    grown = [numpy.asarray(Image.fromarray(part).resize(SIDES, Image.BICUBIC)) for part in parts]
    return numpy.clip(numpy.dstack(grown) / 255, 0, 1)


def narrow(values):
    """Of eight bits."""
    return numpy.round(values * 255).astype(numpy.uint8)


def separated(values):
    """Cyan, magenta, yellow and black that stand for colours more or less."""
    black = 1 - values.max(-1, keepdims=True)
    return narrow(numpy.concatenate([1 - values - black, black], -1))


def printed(inks):
    """L*, a* and b* of what the press prints: each ink takes its part of the light away (ISO/CIE 11664-4)."""
    light = numpy.prod(1 - inks[:, :, None] * (1 - numpy.array(LEFT)), 1)
    seen = light @ profiles.adapted(profiles.SRGB_PRIMARIES) / profiles.D50
    root = numpy.where(seen > 216 / 24389, numpy.cbrt(seen), (seen * 24389 / 27 + 16) / 116)
    x, y, z = root.T
    return numpy.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def clear(levels):
    """With an alpha: dense in the upper left, and less and less of it to the lower right."""
    height, width, _ = levels.shape
    far = numpy.add.outer(numpy.linspace(0, 1, height), numpy.linspace(0, 1, width))
    return numpy.dstack([levels, narrow(numpy.clip(1.5 - far, 0, 1))])


def striped(levels):
    """Every other row is the opposite: rows of half the height average both."""
    return numpy.where(numpy.arange(len(levels))[:, None, None] % 2, 255 - levels, levels)


def clear_gif(levels):
    """255 colours and none: nothing is there beyond a slope, where another program left a colour."""
    image = Image.fromarray(levels).quantize(255)
    indices = numpy.array(image)
    indices[clear(levels)[..., 3] < 100] = 255
    gif = Image.fromarray(indices, "P")
    gif.putpalette(image.getpalette() + [255, 0, 0])
    file = io.BytesIO()
    gif.save(file, "GIF", transparency=255, optimize=False)
    return file.getvalue()


def saved(pixels, kind, mode=None, **options):
    """A file as Pillow writes it."""
    file = io.BytesIO()
    Image.fromarray(pixels, mode).save(file, kind, **options)
    return file.getvalue()


def wide_png(values):
    """A PNG of 16 bits, of which the last few are zeros, because noise cannot be compressed."""
    return imagecodecs.png_encode(numpy.round(values * 0xFFF).astype(numpy.uint16) << 4, 9)


def with_segment(jpeg, marker, body):
    """Behind the first marker."""
    return jpeg[:2] + struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body + jpeg[2:]


def with_chunks(png, **chunks):
    """Behind the header."""
    made = [struct.pack(">I", len(body)) + sealed(name.encode() + body) for name, body in chunks.items()]
    return png[:33] + b"".join(made) + png[33:]


def sealed(body):
    """With its sum."""
    return body + struct.pack(">I", zlib.crc32(body))


def packed(icc):
    """A profile with its name; not compressed, because libpng takes none for one that is shorter than 92 bytes."""
    return b"profile\0\0" + zlib.compress(icc, 0)


def numbers(*values):
    """As PNG has them."""
    return struct.pack(f">{len(values)}I", *values)
