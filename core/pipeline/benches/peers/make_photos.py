"""Makes the photos: `make_photos.py OUT DOWNLOADS NAME...`; what is in OUT already is left as it is.

The camera-like ones are the astronaut that scikit-image ships, enlarged, with grain like a sensor's, because a JPEG
decoder's work depends on a file's bytes as much as on its pixels: the grain gives them a camera's bytes per pixel.
Enlarged pictures hold no fine detail, so quality is judged by the real ones.
"""

import shutil
import sys
from pathlib import Path

import numpy
import pillow_heif
import skimage.data
from PIL import Image, ImageFilter

# Name: width, height, strength of the grain, and how it is saved.
CAMERA_LIKE = {
    "cam24.jpg": (4000, 6000, 4.0, {"quality": 92}),
    "cam24-progressive.jpg": (4000, 6000, 4.0, {"quality": 92, "progressive": True}),
    "cam12.jpg": (3024, 4032, 4.5, {"quality": 92}),
    "cam12.heic": (3024, 4032, 4.5, {"quality": 50}),
    "web1.jpg": (1000, 1250, 3.0, {"quality": 85}),
}
# Taken as they were shipped.
AS_SHIPPED = ("friends.jpg", "paris.jpg", "phone.heic")


def main(out, downloads, *names):
    """Makes what is missing."""
    for name in names:
        path, shipped = Path(out, name), Path(downloads, name)
        if path.is_file():
            continue
        if name in CAMERA_LIKE:
            width, height, grain, options = CAMERA_LIKE[name]
            save(camera_like(width, height, grain), path, **options)
        elif name in AS_SHIPPED and shipped.is_file():
            shutil.copyfile(shipped, path)
        elif shipped.is_file():
            save(cropped(Image.open(shipped)), path, quality=92)


def save(image, path, **options):
    """First under another name: a file that is only half written must not be taken for a photo next time."""
    half = path.with_suffix(".half")
    kind = "HEIF" if path.suffix == ".heic" else "JPEG"
    image.save(half, kind, subsampling="4:2:0", **options)
    half.rename(path)


def cropped(image):
    """Five columns and three rows fewer, so that neither side ends with a whole block of the JPEG."""
    return image.convert("RGB").crop((0, 0, image.width - 5, image.height - 3))


def camera_like(width, height, grain):
    """The astronaut at that size."""
    image = covering(Image.fromarray(skimage.data.astronaut()), width / height)
    image = image.resize((width, height), Image.LANCZOS)
    image = image.filter(ImageFilter.UnsharpMask(radius=max(2, width // 500), percent=120, threshold=0))
    pixels = numpy.asarray(image).astype(numpy.float32)
    return Image.fromarray(numpy.clip(pixels + noise(pixels, grain) + 0.5, 0, 255).astype(numpy.uint8))


def covering(image, shape):
    """The largest part of that shape, with the face in it."""
    width, height = image.size
    wide, high = (int(height * shape), height) if width / height > shape else (width, int(width / shape))
    left, top = (width - wide) // 2, (height - high) // 4
    return image.crop((left, top, left + wide, top + high))


def noise(pixels, grain):
    """Mostly in the luminance, stronger where it is bright, and alike in neighbours as after demosaicing."""
    height, width, _ = pixels.shape
    random = numpy.random.default_rng(1)
    fine = random.standard_normal((height, width), dtype=numpy.float32)
    fine = (fine + numpy.roll(fine, 1, 0) * 0.5 + numpy.roll(fine, 1, 1) * 0.5) / 1.22
    tint = random.standard_normal((height // 2, width // 2), dtype=numpy.float32).repeat(2, 0).repeat(2, 1)
    strength = grain * (0.5 + numpy.sqrt(pixels.mean(2) / 255))
    return numpy.dstack([strength * (fine + share * tint) for share in (0.35, 0, -0.35)])


pillow_heif.register_heif_opener()
main(*sys.argv[1:])
