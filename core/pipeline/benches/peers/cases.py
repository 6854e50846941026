"""What is compared and what is to be reached."""

from dataclasses import dataclass

OURS = "ours"
AGAIN = "ours, again"
VIPS = "libvips, small from large"
VIPS_EACH = "libvips, each from the file"
SHARP = "sharp"
PILLOW = "Pillow draft"
PILLOW_WHOLE = "Pillow, converted whole"
PILLOW_HEIF = "pillow-heif"

# Parts of our own way, each in a process of its own.
WALK = "walk"
DIGEST = "SHA-256"
DECODE = "decode alone"

SMALL = ("200x200", "48x48")
# Of a tall photo all of them show the same 200x200, each in other rows, so that no two have it in the same blocks of a JPEG.
# Largest first.
SHAPES = tuple(f"200x{200 + 2 * rows}" for rows in reversed(range(16)))


@dataclass(frozen=True)
class Case:
    """A photo and the sizes made of it, largest first: `WxH` is filled, a side of 0 is free, `0x0` is the original."""

    name: str
    title: str
    photo: str
    ours: tuple
    peers: tuple
    # Measured runs in each process of each round; small photos need more for a steady figure.
    runs: int
    # Whether it has a profile of colours that are not sRGB's.
    has_profile: bool = False

    @property
    def heic(self):
        """Neither libvips nor sharp reads it in the builds that are installed here."""
        return self.photo.endswith(".heic")


CASES = (
    Case("24mp", "24 MP -> 200 + 48", "cam24.jpg", SMALL, SMALL, 3),
    Case("12mp", "12 MP -> 200 + 48", "cam12.jpg", SMALL, SMALL, 5),
    Case("real", "a real photo of 6.3 MP -> 200 + 48", "stream.jpg", SMALL, SMALL, 7),
    Case("1mp", "1.25 MP -> 200 + 48", "web1.jpg", SMALL, SMALL, 25),
    Case("24mp-progressive", "24 MP progressive -> 200 + 48", "cam24-progressive.jpg", SMALL, SMALL, 3),
    Case("12mp-kept", "12 MP -> original kept + 200 + 48 (peers: 2000 wide + 200 + 48)", "cam12.jpg",
         ("0x0", *SMALL), ("2000x0", *SMALL), 3),
    Case("12mp-2048", "12 MP -> 2048 wide + 200 + 48", "cam12.jpg", ("2048x0", *SMALL), ("2048x0", *SMALL), 3),
    Case("real-progressive", "a real progressive photo of 6.3 MP -> 200 + 48", "friends.jpg", SMALL, SMALL, 5),
    Case("heic", "12 MP HEIC, one coded picture -> 200 + 48", "cam12.heic", SMALL, SMALL, 3),
    Case("heic-phone", "a phone's HEIC of 12 MP, in tiles -> 200 + 48", "phone.heic", SMALL, SMALL, 3),
    Case("12mp-p3", "12 MP in Display P3 -> 200 + 48", "cam12-p3.jpg", SMALL, SMALL, 5, True),
    Case("12mp-adobe", "12 MP in Adobe RGB -> 200 + 48", "cam12-adobe.jpg", SMALL, SMALL, 5, True),
    Case("12mp-cmyk", "12 MP in CMYK -> 200 + 48", "cam12-cmyk.jpg", SMALL, SMALL, 5, True),
    Case("real-p3", "a real photo of 6.3 MP in Display P3 -> 200 + 48", "friends-p3.jpg", SMALL, SMALL, 5, True),
    Case("real-24mp", "a real photo of 24 MP, 4:2:2 -> 200 + 48", "paris.jpg", SMALL, SMALL, 3),
)

# CPU time of ours over the peer's: case, peer, at most.
RATIO_GOALS = (
    ("24mp", VIPS, 0.65), ("24mp", SHARP, 0.40), ("24mp", PILLOW, 0.75),
    ("12mp", VIPS, 0.50), ("12mp", SHARP, 0.35), ("12mp", PILLOW, 0.60),
    ("real", VIPS, 0.80),
    ("1mp", VIPS, 0.45), ("1mp", SHARP, 0.45), ("1mp", PILLOW, 0.70),
    ("24mp-progressive", VIPS, 0.10),
    ("12mp-kept", VIPS, 0.35),
    ("12mp-2048", VIPS, 1.00), ("12mp-2048", PILLOW, 0.55),
    ("heic", PILLOW_HEIF, 1.00), ("heic-phone", PILLOW_HEIF, 1.00),
)

# CPU time of 200 + 48 over that of the decode alone, at most; that is a decode at an eighth, so where they are drawn from one.
PATH_GOALS = (("24mp", 1.12), ("12mp", 1.12), ("real-24mp", 1.12))

# Memory above idle, the file included, in MB at most.
MEMORY_GOALS = (("24mp", 20), ("24mp-progressive", 20))

# SSIM of the 200x200, at least.
QUALITY_GOALS = (("real", 0.994), ("real-progressive", 0.994))

# PSNR of the 200x200 to that of the photo converted first, in dB at least.
COLOUR_GOALS = (("12mp-p3", 45), ("12mp-adobe", 45), ("real-p3", 45))

# CPU time of ours above that for the same photo without a profile, in ms at most.
CONVERSION_GOALS = (("12mp-p3", "12mp", 3.0),)
