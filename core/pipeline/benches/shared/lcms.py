"""Colours by lcms2: all pixels of a picture in sRGB, for a pleasing picture and without compensation for black."""

import imagecodecs

SPACES = {1: "gray", 3: "rgb", 4: "cmyk"}


def in_srgb(pixels, profile):
    """Red, green and blue from 0 to 1, in steps of sixteen bits, of pixels of one, three or four samples."""
    space = SPACES[pixels.shape[2] if pixels.ndim == 3 else 1]
    made = imagecodecs.cms_transform(
        pixels.copy(), profile, srgb(), colorspace=space, outcolorspace="rgb", outdtype="uint16",
        intent=imagecodecs.CMS.INTENT.PERCEPTUAL, flags=imagecodecs.CMS.FLAGS.NOOPTIMIZE)
    return made / 0xFFFF


def srgb():
    """Called one of version 2: to one of version 4 lcms2 compensates for black, asked or not."""
    built_in = imagecodecs.cms_profile("srgb")
    return built_in[:8] + b"\x02\x40\0\0" + built_in[12:]
