"""Goldens: what programs that share no code with the pipeline make of a photo.

Pillow, pillow-heif and imagecodecs (libpng) decode it, lcms2 makes sRGB of all its pixels in sixteen bits, for a pleasing
picture and without a compensation for black, and Lanczos3 makes it smaller in floating point.
"""

import imagecodecs
import numpy
from PIL import Image, ImageOps

import lcms
import profiles
import scene

# What is shown: the chart at half its size, and the middle of a real photo.
HALF = (scene.SIDES[0] // 2, scene.SIDES[1] // 2)
MIDDLE = (48, 48)
# Red, green and blue of what lies behind clear photos.
BACKGROUND = (20, 90, 180)


def of_photos(folder):
    """Of the made photos, by name."""
    p3, adobe, gray = profiles.display_p3(), profiles.adobe_rgb(), profiles.gray(1.8)
    said = {"p3-cicp.png": p3, "p3.heic": p3, "adobe-chrm.png": adobe, "ycck.jpg": None, "clear.gif": None}
    wide = {"adobe-16.png": adobe, "gray-16.png": gray}
    made = {}
    for name in ("srgb.jpg", "p3.jpg", "adobe-progressive.jpg", "gray.jpg", "press.jpg", "press-ycck.jpg", "p3.png",
                 "p3-clear.png", "adobe.webp", "p3-clear.webp", *said):
        image = Image.open(folder / name)
        made[name] = shown(*parts(image, said.get(name, image.info.get("icc_profile"))), HALF)
    for name, profile in wide.items():
        made[name] = shown(in_srgb(imagecodecs.png_decode((folder / name).read_bytes()), profile), None, HALF)
    stored = imagecodecs.png_decode((folder / "light-16.png").read_bytes()) / 0xFFFF
    made["light-16.png"] = shown(value_of_light(stored), None, HALF)
    stripes = numpy.asarray(Image.open(folder / "stripes.png")) / 255
    made["stripes.png"] = levels(value_of_light(numpy.clip(lanczos(light_of_value(stripes), HALF), 0, 1)))
    return made


def of_portraits(folder):
    """Of real photos that nothing is said of, by name."""
    names = ("camera-orientation-6.jpg", "portrait-progressive.jpg", "portrait-gray.jpg", "portrait-cmyk.jpg", "portrait.webp",
             "portrait.gif", "portrait.heic", "portrait-gray.heic", "portrait-grid.heic", "portrait-clear.heic")
    return {name: shown(*parts(ImageOps.exif_transpose(Image.open(folder / name)), None), MIDDLE) for name in names}


def parts(image, profile):
    """Colours of sRGB and, if there is one, the alpha, from 0 to 1."""
    if image.mode in ("P", "RGBA"):
        pixels = numpy.asarray(image.convert("RGBA"))
        return in_srgb(pixels[..., :3], profile), pixels[..., 3] / 255
    # Without a profile Pillow takes inks as filters too.
    return in_srgb(numpy.asarray(image if profile else image.convert("RGB")), profile), None


def in_srgb(pixels, profile):
    """Colours from 0 to 1."""
    return lcms.in_srgb(pixels, profile) if profile else pixels / 255


def shown(colours, alpha, sides):
    """Levels of what is seen at that size: clear pixels have no colour, and the background lies behind them."""
    colours = colours if colours.ndim == 3 else numpy.dstack([colours] * 3)
    if alpha is None:
        return levels(lanczos(colours, sides))
    dense = lanczos(alpha[..., None], sides)
    return levels(lanczos(colours * alpha[..., None], sides) + (1 - dense) * numpy.array(BACKGROUND) / 255)


def lanczos(values, sides):
    """The whole, or the exact middle of that shape."""
    height, width, _ = values.shape
    scale = min(width / sides[0], height / sides[1])
    left, top = (width - sides[0] * scale) / 2, (height - sides[1] * scale) / 2
    box = (left, top, width - left, height - top)
    channels = [Image.fromarray(channel.astype(numpy.float32)) for channel in values.transpose(2, 0, 1)]
    return numpy.dstack([numpy.asarray(channel.resize(sides, Image.LANCZOS, box=box)) for channel in channels])


def levels(values):
    """Of eight bits."""
    return scene.narrow(numpy.clip(values, 0, 1))


def light_of_value(values):
    """IEC 61966-2-1."""
    return numpy.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def value_of_light(light):
    """The inverse."""
    return numpy.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
