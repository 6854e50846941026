#!/usr/bin/env python3
"""Makes `photos` and the goldens beside it again: `make.py`, with what requirements.txt names installed. README.md says more."""

import sys
from pathlib import Path

# No compiled Python in the tree.
sys.dont_write_bytecode = True
HERE = Path(__file__).parent
sys.path.append(str(HERE.parents[1] / "benches/shared"))

import pillow_heif
from PIL import Image

import reference
import scene

PORTRAITS = HERE.parents[3] / "tests/portraits"


def main():
    """All photos, and of each and of some real ones the golden."""
    pillow_heif.register_heif_opener()
    for name, data in scene.photos().items():
        (HERE / "photos" / name).write_bytes(data)
    for folder, goldens in ((HERE / "photos", reference.of_photos), (PORTRAITS, reference.of_portraits)):
        for name, pixels in goldens(folder).items():
            Image.fromarray(pixels).save(HERE / f"{name}.png", optimize=True)


main()
