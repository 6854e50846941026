"""Makes the photos: `make_photos.py OUT DOWNLOADS NAME...`; what is in OUT already is left as it is.

The camera-like ones are the astronaut that scikit-image ships, enlarged, with grain like a sensor's, because a JPEG
decoder's work depends on a file's bytes as much as on its pixels: the grain gives them a camera's bytes per pixel.
Enlarged pictures hold no fine detail, so quality is judged by the real ones.
"""

import io
import shutil
import sys
from pathlib import Path

# No compiled Python in the tree.
sys.dont_write_bytecode = True
sys.path.append(str(Path(__file__).parents[1] / "shared"))

import numpy
import pillow_heif
import profiles
import real_photos
import skimage.data
from PIL import Image, ImageCms, ImageFilter

# Name: width, height, strength of the grain, and how it is saved.
CAMERA_LIKE = {
    "cam24.jpg": (4000, 6000, 4.0, {"quality": 92}),
    "cam24-progressive.jpg": (4000, 6000, 4.0, {"quality": 92, "progressive": True}),
    "cam12.jpg": (3024, 4032, 4.5, {"quality": 92}),
    # The same numbers, which stand for other colours.
    "cam12-p3.jpg": (3024, 4032, 4.5, {"quality": 92, "icc_profile": profiles.display_p3()}),
    "cam12-adobe.jpg": (3024, 4032, 4.5, {"quality": 92, "icc_profile": profiles.adobe_rgb()}),
    "cam12.heic": (3024, 4032, 4.5, {"quality": 50}),
    "web1.jpg": (1000, 1250, 3.0, {"quality": 85}),
}
# Taken as they were shipped.
AS_SHIPPED = ("friends.jpg", "paris.jpg", "phone.heic")


def main(out, downloads, *names):
    """Makes what is missing."""
    for name in names:
        path, shipped = Path(out, name), Path(downloads, real_photos.NEEDED.get(name, name))
        if path.is_file():
            continue
        if name in CAMERA_LIKE:
            width, height, grain, options = CAMERA_LIKE[name]
            save(camera_like(width, height, grain), path, **options)
        elif shipped.is_file():
            make_of(shipped, path)


def make_of(shipped, path):
    """What needs something that was fetched."""
    match path.name:
        case "cam12-cmyk.jpg":
            press = shipped.read_bytes()
            # There is no chroma to halve.
            save(separated(camera_like(3024, 4032, 4.5), press), path, quality=92, subsampling="4:4:4", icc_profile=press)
        case "friends-p3.jpg":
            save(Image.open(shipped), path, quality=92, icc_profile=profiles.display_p3())
        case name if name in AS_SHIPPED:
            shutil.copyfile(shipped, path)
        case _:
            save(cropped(Image.open(shipped)), path, quality=92)


def save(image, path, **options):
    """First under another name: a file that is only half written must not be taken for a photo next time."""
    half = path.with_suffix(".half")
    kind = "HEIF" if path.suffix == ".heic" else "JPEG"
    image.save(half, kind, **{"subsampling": "4:2:0"} | options)
    half.rename(path)


def separated(image, press):
    """In the inks of a press."""
    return ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"), io.BytesIO(press), outputMode="CMYK")


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
