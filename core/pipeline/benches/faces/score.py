"""Runs the example over the set and holds what it says against the reference."""

import json
from dataclasses import dataclass
from pathlib import Path

from failure import Failure, run
from rules import Box, centre_crop, centred, cut, eye_line, matches, upper_crop

HALVES = ("tuning", "held-out")
# A reference face of so many pixels is not small.
LARGE = 64


@dataclass(frozen=True)
class Picture:
    """A picture of the set, and what our program said of it."""

    file: str
    kind: str
    half: str
    width: int
    height: int
    # The reference, largest first.
    faces: list
    eyes: list
    found: list
    crop: Box
    warnings: frozenset
    cpu_ms: float

    @property
    def seen(self):
        """Whether what we take for the largest face is it."""
        return bool(self.found) and matches(self.found[0], self.faces[0])


@dataclass(frozen=True)
class Share:
    """How many of how many."""

    part: int
    whole: int


@dataclass(frozen=True)
class Score:
    """A goal and how near it is, on each half and on both."""

    name: str
    # Of the whole: at least or at most.
    goal: float
    at_least: bool
    shares: dict
    # The pictures that speak against it.
    against: list

    @property
    def reached(self):
        """On all of the set, and on the half that nothing was chosen on."""
        return all(self.keeps(share) for half, share in self.shares.items() if half != "tuning")

    def keeps(self, share):
        """Whether that share is within the goal."""
        if self.at_least:
            return share.part >= self.goal * share.whole
        return share.part <= self.goal * share.whole


def looked_at(shop):
    """All pictures of the set."""
    entries = json.loads((shop.set / "set.json").read_text())
    command = [shop.ours, *(shop.set / entry["file"] for entry in entries)]
    lines = run("look for faces", "run the example on some of these files by hand", command).splitlines()
    return [picture(entry, json.loads(line)) for entry, line in zip(entries, lines, strict=True)]


def picture(entry, answer):
    """One entry of the set with the program's answer."""
    name = Path(entry["file"]).name
    if "error" in answer:
        raise Failure(f"look at {name}", answer["error"], "every picture of the set should decode")
    if (answer["width"], answer["height"]) != (entry["width"], entry["height"]):
        raise Failure(f"look at {name}", "it was not turned as the reference was", "compare its EXIF orientation")
    faces = [Box(face["left"], face["top"], face["width"], face["height"]) for face in entry["faces"]]
    return Picture(entry["file"], entry["kind"].partition("-")[0], entry["half"], entry["width"], entry["height"], faces,
                   [face["eyes"] for face in entry["faces"]], [Box(**face) for face in answer["faces"]],
                   Box(**answer["crop"]), frozenset(answer["warnings"]), answer["cpu-ms"])


def scores(pictures):
    """The goals of the project."""
    return [
        score("face found, portraits", 0.95, True, pictures, "portrait", lambda one: one.seen),
        score("face found, EXIF-turned", 0.95, True, pictures, "turned", lambda one: one.seen),
        score("box on a faceless picture", 0.01, False, pictures, "faceless", lambda one: bool(one.found)),
        score("face cut by the crop", 0.0, False, pictures, "portrait", lambda one: cut(one.crop, one.faces[0])),
        score("face centred", 0.90, True, pictures, "portrait", lambda one: centred(one.crop, one.faces[0])),
        score("eye line in its band", 0.88, True, pictures, "portrait", lambda one: eye_line(one.crop, one.eyes[0])),
    ]


def score(name, goal, at_least, pictures, kind, holds):
    """One goal over one kind of pictures."""
    shares = {half: share(pictures, kind, holds, half) for half in (*HALVES, "all")}
    against = [one.file for one in pictures if one.kind == kind and holds(one) != at_least]
    return Score(name, goal, at_least, shares, against)


def share(pictures, kind, holds, half="all"):
    """For how many pictures of a kind something holds."""
    chosen = [one for one in pictures if one.kind == kind and half in (one.half, "all")]
    return Share(sum(holds(one) for one in chosen), len(chosen))


def faces_of_several(pictures):
    """How many faces are found in all pictures that show several."""
    chosen = [(face, one.found) for one in pictures if one.kind in ("group", "several") for face in one.faces]
    return Share(sum(any(matches(box, face) for box in found) for face, found in chosen), len(chosen))


def crops(pictures):
    """Cut, centred and eye line of the face crop and of the two that look for nothing: for all, and for oblong ones."""
    ways = (("face", lambda one: one.crop), ("upper", lambda one: upper_crop(one.width, one.height)),
            ("centre", lambda one: centre_crop(one.width, one.height)))
    rules = (("cut", lambda crop, one: cut(crop, one.faces[0])),
             ("centred", lambda crop, one: centred(crop, one.faces[0])),
             ("eye line", lambda crop, one: eye_line(crop, one.eyes[0])))
    oblong = [one for one in pictures if max(one.width, one.height) > 1.1 * min(one.width, one.height)]
    for name, crop in ways:
        shares = [share(chosen, "portrait", lambda one: rule(crop(one), one))
                  for chosen in (pictures, oblong) for _, rule in rules]
        yield name, shares


def warnings(pictures):
    """For each warning: how often it stands among pictures where it should, and where it should not."""
    portraits = [one for one in pictures if one.kind == "portrait"]
    # The faces of the smallest portraits may be called small or not.
    large = [one for one in portraits if one.faces[0].width >= LARGE]
    for warning, wanted, innocent in (
            ("dark", ("dark",), portraits), ("blurred", ("blurred",), portraits),
            ("several-faces", ("several",), portraits), ("several-faces", ("group",), portraits),
            ("face-small", ("tiny",), large), ("no-face", ("faceless",), portraits),
            ("dark", ("dim",), portraits), ("blurred", ("soft",), portraits)):
        guilty = [one for one in pictures if one.kind in wanted]
        yield warning, *wanted, told(guilty, warning), told(innocent, warning)


def told(pictures, warning):
    """How often a warning stands."""
    return Share(sum(warning in one.warnings for one in pictures), len(pictures))
