"""What everybody made is looked at before anything is timed: are the sizes right, and how good is the 200x200."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from cases import AGAIN, SHAPES, SMALL, VIPS_EACH
from failure import Failure, run

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Colours:
    """How near the 200x200 is, in dB, without what a JPEG costs: all of them went through the same encoder in many shapes."""

    to_reference: float
    # What the same program makes of the photo after all of its pixels were made sRGB.
    to_converted: float


@dataclass(frozen=True)
class Likeness:
    """How near a decoded JPEG of 200x200 is to the reference, and how much of the difference is the encoder's."""

    ssim: float
    psnr: float
    # The reference through the same encoder, to the reference.
    encoder_alone: float
    # The JPEG to the reference through the same encoder: both have its loss, but each its own.
    to_encoded: float
    # Where the photo has a profile.
    colours: Colours | None = None

    @property
    def without_encoder(self):
        """SSIM, if the encoder had lost nothing. Small losses add up, so its own is given back."""
        return 1 - (self.encoder_alone - self.ssim)


@dataclass(frozen=True)
class Look:
    """One process with one run, seen from outside."""

    peak_mb: float
    bytes: list
    # Only where 200x200 is the largest size.
    likeness: Likeness | None = None


def looks(cases, everybody, shop):
    """What everybody made of each case, by case and name."""
    return {case.name: {runner.name: look(case, runner, shop) for runner in everybody if runner.takes(case)} for case in cases}


def look(case, runner, shop):
    """Runs once and looks at the files."""
    out = shop.out / f"{case.name}-{slug(runner.name)}"
    answer = runner.work(case, shop.photos, 0, out)
    files = [Path(f"{out}-{index}.jpg") for index in range(len(answer["bytes"]))]
    if files:
        check_sides(case, runner, files, shop)
    seen = Look(answer["peak_kib"] * 1024 / 1e6, answer["bytes"])
    if files and case.ours == SMALL:
        return replace(seen, likeness=likeness(case, runner, files[0], shop))
    return seen


def likeness(case, runner, file, shop):
    """Compares the 200x200 with a reference, which goes through the same program too, to be encoded only."""
    reference = shop.out / f"{case.name}-reference.png"
    if not reference.is_file():
        quality(shop, "reference", shop.photos / case.photo, SMALL[0], reference)
    encoded = shop.out / f"{case.name}-{slug(runner.name)}-reference"
    runner.work(replace(case, photo=reference, ours=SMALL[:1], peers=SMALL[:1]), shop.photos, 0, encoded)
    made = quality(shop, "compare", reference, file)
    alone = quality(shop, "compare", reference, f"{encoded}-0.jpg")
    to_encoded = quality(shop, "compare", f"{encoded}-0.jpg", file)
    has_colours = case.has_profile and runner.name not in (AGAIN, VIPS_EACH)
    near = colours(case, runner, shop) if has_colours else None
    return Likeness(made["ssim"], made["psnr"], alone["ssim"], to_encoded["ssim"], near)


def colours(case, runner, shop):
    """Compares means of the 200x200 in many shapes: in each the encoder's blocks lie elsewhere, and so does what they lose."""
    reference, converted = shop.out / f"{case.name}-shapes.png", shop.out / f"{case.name}-converted.jpg"
    if not reference.is_file():
        quality(shop, "reference", shop.photos / case.photo, SHAPES[0], reference)
        quality(shop, "converted", shop.photos / case.photo, converted)
    names = []
    for what, photo in (("shown", case.photo), ("reference", reference), ("converted", converted)):
        names.append(shop.out / f"{case.name}-{slug(runner.name)}-shapes-{what}")
        runner.work(replace(case, photo=photo, ours=SHAPES, peers=SHAPES), shop.photos, 0, names[-1])
    shown, *others = names
    return Colours(*(quality(shop, "means", shown, other, str(len(SHAPES)))["psnr"] for other in others))


def check_sides(case, runner, files, shop):
    """A peer that made something else would be compared with nothing."""
    photo, *made = quality(shop, "sides", shop.photos / case.photo, *files)
    for size, sides in zip(runner.sizes(case), made, strict=True):
        wanted = wanted_sides(size, photo)
        if any(abs(side - want) >= 1 for side, want in zip(sides, wanted, strict=True)):
            raise Failure(f"check {runner.name}", f"{case.name} came out as {sides} instead of {size}",
                          "look at its program in this folder")


def wanted_sides(size, photo):
    """A free side follows from the photo's shape and may be a fraction, which may be rounded either way."""
    width, height = (int(side) for side in size.split("x"))
    if width and height:
        return width, height
    return (width, photo[1] * width / photo[0]) if width else photo


def quality(shop, *arguments):
    """An answer of quality.py, which needs the environment that holds scikit-image."""
    command = [shop.python, HERE / "quality.py", *arguments]
    return json.loads(run("compare pictures", "delete target/peers and run this again", command))


def slug(name):
    """A name as a part of a file's name."""
    return "".join(letter if letter.isalnum() else "-" for letter in name)
