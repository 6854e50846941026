"""Portraits made worse or turned, each with its faces: what photos look like that people should not hand in."""

import math
from dataclasses import replace

from PIL import Image, ImageFilter

# Of each half of the set as many portraits are changed; two for each EXIF orientation but the first.
TAKEN = 14
ORIENTATION_TAG = 0x0112
# What has to be done to an upright picture so that the tag undoes it.
STORED = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
          5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
          8: Image.Transpose.ROTATE_270}
TILTS = (-20, -12, 12, 20)
BACKGROUND = (128, 128, 128)


def variants(index, image, faces, other):
    """Kind, picture, faces and options of the encoder for all that is made of one portrait, and of it with another."""
    orientation = 2 + index % len(STORED)
    face = faces[0]
    yield f"turned-{orientation}", image.transpose(STORED[orientation]), faces, {"exif": exif(orientation)}
    yield "tilted", *tilted(image, face, TILTS[index % len(TILTS)]), {}
    yield "dark", image.point(lambda value: value * 0.18), faces, {}
    yield "dim", image.point(lambda value: value * 0.45), faces, {}
    yield "blurred", image.filter(ImageFilter.GaussianBlur(face.width / 20)), faces, {}
    yield "soft", image.filter(ImageFilter.GaussianBlur(face.width / 60)), faces, {}
    yield "tiny", *tiny(image, face), {}
    yield "several", *several((image, face), other), {}
    yield "camera", *camera(image, face), {}


def exif(orientation):
    """The orientation alone."""
    tags = Image.Exif()
    tags[ORIENTATION_TAG] = orientation
    return tags


def tilted(image, face, degrees):
    """Turned about the middle of the face, counterclockwise. Corners that come from outside are gray."""
    middle = (face.left + face.width / 2, face.top + face.height / 2)
    turned = image.rotate(degrees, Image.Resampling.BICUBIC, center=middle, fillcolor=BACKGROUND)
    return turned, [replace(face, eyes=tuple(about(middle, eye, degrees) for eye in face.eyes))]


def about(middle, point, degrees):
    """Where a point goes, in coordinates that grow downwards."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    x, y = point[0] - middle[0], point[1] - middle[1]
    return middle[0] + x * cosine + y * sine, middle[1] - x * sine + y * cosine


def tiny(image, face):
    """A face of 30 pixels in a picture of 480 x 640."""
    scale = min(30 / face.width, 480 / image.width, 640 / image.height)
    small = image.resize((round(image.width * scale), round(image.height * scale)))
    place = ((480 - small.width) // 2, (640 - small.height) // 3)
    canvas = Image.new("RGB", (480, 640), BACKGROUND)
    canvas.paste(small, place)
    return canvas, [face.moved(scale, *place)]


def several(*people):
    """Side by side, with faces of about one size: each picture is cut to what is around its face."""
    parts = [bust(image, face) for image, face in people]
    canvas = Image.new("RGB", (sum(part.width for part, _ in parts), max(part.height for part, _ in parts)))
    faces, left = [], 0
    for part, face in parts:
        canvas.paste(part, (left, 0))
        faces.append(face.moved(1, left, 0))
        left += part.width
    return canvas, sorted(faces, key=lambda face: -face.area)


def bust(image, face):
    """The face with as much around it, 120 pixels wide."""
    margin = min(face.width, face.left, image.width - face.left - face.width)
    left, right = max(0, face.left - margin), min(image.width, face.left + face.width + margin)
    box = (left, max(0, face.top - face.height), right, min(image.height, face.top + 2 * face.height))
    scale = 120 / face.width
    part = image.crop(tuple(round(side) for side in box))
    part = part.resize((round(part.width * scale), round(part.height * scale)))
    return part, face.moved(scale, -round(box[0]) * scale, -round(box[1]) * scale)


def camera(image, face):
    """As large as a phone's camera makes it, 4032 pixels on the long side. It holds no detail that was not there."""
    scale = 4032 / max(image.size)
    return image.resize((round(image.width * scale), round(image.height * scale))), [face.moved(scale, 0, 0)]
