"""Pictures compared: `quality.py sides FILE...`, `quality.py reference PHOTO SIDE OUT`, `quality.py compare A B`.

Each prints JSON. The reference is the photo decoded at its full size and made smaller in one step by Lanczos3 in
floating point, from the exact square in its middle, whose corners may lie within pixels.
"""

import json
import sys

import numpy
import pillow_heif
from PIL import Image, ImageOps
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def sides(*paths):
    """The size of each picture."""
    return [Image.open(path).size for path in paths]


def reference(photo, side, out):
    """Writes it as PNG."""
    image = ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
    width, height = image.size
    square = min(width, height)
    left, top = (width - square) / 2, (height - square) / 2
    box = (left, top, left + square, top + square)
    channels = [lanczos(channel, int(side), box) for channel in image.split()]
    Image.fromarray(numpy.dstack(channels)).save(out)
    return out


def lanczos(channel, side, box):
    """One channel of the reference; only the result is rounded."""
    exact = Image.fromarray(numpy.asarray(channel).astype(numpy.float32))
    small = exact.resize((side, side), Image.LANCZOS, box=box)
    return numpy.clip(numpy.asarray(small) + 0.5, 0, 255).astype(numpy.uint8)


def compare(first, second):
    """How alike two pictures are: mean SSIM over the channels, and PSNR in dB."""
    first, second = (numpy.asarray(Image.open(path).convert("RGB")) for path in (first, second))
    alike = structural_similarity(first, second, channel_axis=2, data_range=255)
    return {"ssim": alike, "psnr": peak_signal_noise_ratio(first, second, data_range=255)}


def main(what, *arguments):
    """Prints the answer."""
    print(json.dumps({"sides": sides, "reference": reference, "compare": compare}[what](*arguments)))


pillow_heif.register_heif_opener()
main(*sys.argv[1:])
