"""When a face counts as found, and when a crop is good."""

from dataclasses import dataclass

# A share of a face's side that may be missing before the face counts as cut: boxes are no more exact than that.
SLACK = 0.02
EYE_LINE = (0.31, 0.50)


@dataclass(frozen=True)
class Box:
    """A part of a picture, in its pixels."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self):
        """The first column that is not in it."""
        return self.left + self.width

    @property
    def bottom(self):
        """The first row that is not in it."""
        return self.top + self.height

    @property
    def middle(self):
        """Its centre."""
        return self.left + self.width / 2, self.top + self.height / 2


def matches(found, face):
    """Whether a box is on a face: the shared area is 0.4 of what both cover together. Detectors differ in what they box."""
    width = min(found.right, face.right) - max(found.left, face.left)
    height = min(found.bottom, face.bottom) - max(found.top, face.top)
    shared = max(width, 0) * max(height, 0)
    return shared >= 0.4 * (found.width * found.height + face.width * face.height - shared)


def cut(crop, face):
    """Whether the crop leaves out a part of the face that is in the picture."""
    aside, above = SLACK * face.width, SLACK * face.height
    return (max(face.left, 0) < crop.left - aside or max(face.top, 0) < crop.top - above
            or face.right > crop.right + aside or face.bottom > crop.bottom + above)


def centred(crop, face):
    """Whether the middle of the face is in the middle third of the crop, both ways."""
    x, y = face.middle
    return 1 / 3 <= (x - crop.left) / crop.width <= 2 / 3 and 1 / 3 <= (y - crop.top) / crop.height <= 2 / 3


def eye_line(crop, eyes):
    """Whether the eyes are as high in the crop as in a portrait."""
    height = sum(y for _, y in eyes) / len(eyes)
    return EYE_LINE[0] <= (height - crop.top) / crop.height <= EYE_LINE[1]


def centre_crop(width, height):
    """The middle square."""
    side = min(width, height)
    return Box((width - side) / 2, (height - side) / 2, side, side)


def upper_crop(width, height):
    """The square that our crop `upper` keeps: a third of the rows to lose is lost above."""
    side = min(width, height)
    return Box((width - side) / 2, (height - side) / 3, side, side)
