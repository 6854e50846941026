"""Pillow, with libjpeg's scaled decoding: `draft`; without it, which converts all pixels first: `whole`; and with pillow-heif,
which is libheif and libde265: `heif`.
"""

import io

import pillow_heif
import worker
from PIL import Image, ImageCms, ImageOps

# So many times the wanted size is decoded at least, as `Image.thumbnail` does by default.
GAP = 2


def draft_and_fit(data, wanted):
    """The file is read once, and each size is made from the one before."""
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", draft_size(image.size, wanted[0]))
    return fitted(image, wanted)


def whole_and_fit(data, wanted):
    """The same without a draft."""
    return fitted(Image.open(io.BytesIO(data)), wanted)


def fitted(image, wanted):
    """What was decoded, in sRGB and then smaller and smaller."""
    image = in_srgb(ImageOps.exif_transpose(image))
    jpegs = []
    for width, height in wanted:
        image = ImageOps.fit(image, (width, height), Image.LANCZOS) if height else wide(image, width)
        jpegs.append(jpeg(image))
    return jpegs


def in_srgb(image):
    """As its own profile says it, with lcms2."""
    profile = image.info.get("icc_profile")
    if not profile:
        return image.convert("RGB")
    return ImageCms.profileToProfile(image, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB")


def heif_and_fit(data, wanted):
    """The file is decoded once, at its full size, and each size is made from the one before."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    jpegs = []
    for size in wanted:
        image = ImageOps.fit(image, size, Image.LANCZOS)
        jpegs.append(jpeg(image))
    return jpegs


def draft_size(sides, size):
    """The whole photo at a size that covers the wanted one well."""
    width, height = sides
    scale = max(size[0] / width, size[1] / height) * GAP
    return round(width * scale), round(height * scale)


def wide(image, width):
    """The whole picture at that width."""
    return image.resize((width, round(image.height * width / image.width)), Image.LANCZOS)


def jpeg(image):
    """4:2:0 is its default at this quality."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85)
    return file.getvalue()


pillow_heif.options.DECODE_THREADS = 1
pillow_heif.register_heif_opener()
worker.serve({"draft": draft_and_fit, "whole": whole_and_fit, "heif": heif_and_fit})
