"""Pictures compared: `quality.py sides FILE...`, `quality.py reference PHOTO WxH OUT`, `quality.py converted PHOTO OUT`,
`quality.py compare A B`, `quality.py means A B COUNT`.

Each prints JSON. The reference is the photo decoded at its full size, all of it made sRGB by lcms2 in sixteen bits where it
has a profile, and made smaller in one step by Lanczos3 in floating point, from the exact middle of that shape, whose corners
may lie within pixels.
"""

import json
import sys
from pathlib import Path

# No compiled Python in the tree.
sys.dont_write_bytecode = True
sys.path.append(str(Path(__file__).parents[1] / "shared"))

import lcms
import numpy
import pillow_heif
from PIL import Image, ImageOps
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def sides(*paths):
    """The size of each picture."""
    return [Image.open(path).size for path in paths]


def reference(photo, size, out):
    """Writes it as PNG."""
    pixels = in_srgb(photo)
    height, width, _ = pixels.shape
    sides = [int(side) for side in size.split("x")]
    scale = min(width / sides[0], height / sides[1])
    left, top = (width - sides[0] * scale) / 2, (height - sides[1] * scale) / 2
    box = (left, top, width - left, height - top)
    Image.fromarray(numpy.dstack([lanczos(channel, sides, box) for channel in pixels.transpose(2, 0, 1)])).save(out)
    return out


def converted(photo, out):
    """Writes the whole photo in sRGB, as a JPEG with as little loss as one can have."""
    pixels = numpy.clip(in_srgb(photo) + 0.5, 0, 255).astype(numpy.uint8)
    Image.fromarray(pixels).save(out, "JPEG", quality=100, subsampling="4:4:4")
    return out


def in_srgb(photo):
    """Levels, not rounded."""
    image = ImageOps.exif_transpose(Image.open(photo))
    profile = image.info.get("icc_profile")
    if not profile:
        return numpy.asarray(image.convert("RGB")).astype(numpy.float32)
    return (lcms.in_srgb(numpy.asarray(image), profile) * 255).astype(numpy.float32)


def lanczos(channel, sides, box):
    """One channel of the reference; only the result is rounded."""
    small = Image.fromarray(channel).resize(sides, Image.LANCZOS, box=box)
    return numpy.clip(numpy.asarray(small) + 0.5, 0, 255).astype(numpy.uint8)


def compare(first, second):
    """How alike two pictures are: mean SSIM over the channels, and PSNR in dB."""
    first, second = (numpy.asarray(Image.open(path).convert("RGB")) for path in (first, second))
    alike = structural_similarity(first, second, channel_axis=2, data_range=255)
    return {"ssim": alike, "psnr": peak_signal_noise_ratio(first, second, data_range=255)}


def means(first, second, count):
    """How alike two pictures are of which each was made in so many shapes: PSNR in dB of their means."""
    first, second = (numpy.mean([middle(f"{name}-{index}.jpg") for index in range(int(count))], 0) for name in (first, second))
    return {"psnr": peak_signal_noise_ratio(first, second, data_range=255)}


def middle(path):
    """As many rows in the middle as there are columns."""
    pixels = numpy.asarray(Image.open(path).convert("RGB")).astype(numpy.float32)
    height, width, _ = pixels.shape
    return pixels[(height - width) // 2:][:width]


def main(what, *arguments):
    """Prints the answer."""
    ways = {"sides": sides, "reference": reference, "converted": converted, "compare": compare, "means": means}
    print(json.dumps(ways[what](*arguments)))


pillow_heif.register_heif_opener()
main(*sys.argv[1:])
