"""The tables, in Markdown."""

import statistics

from markdown import table
from score import HALVES, crops, faces_of_several, share, warnings

SURENESS = 1.96
# A picture with a longer side is no mere avatar.
SMALL = 160


def everything(pictures, scores):
    """All tables."""
    goals(scores)
    kinds(pictures)
    crop_rules(pictures)
    defects(pictures)
    costs(pictures)
    missed(scores)
    print("\nThe set is small, and half of its portraits are avatars of 128 pixels; README.md tells how it is biased.")


def goals(scores):
    """What the project wants to reach."""
    print("## Goals\n")
    rows = []
    for one in scores:
        goal = f"{'>=' if one.at_least else '<='} {one.goal:.0%}"
        shares = [of(one.shares[half]) for half in (*HALVES, "all")]
        rows.append((one.name, goal, *shares, likely(one.shares["all"]), "yes" if one.reached else "NO"))
    table(("", "goal", *HALVES, "all", "95 % range", "reached"), rows)


def kinds(pictures):
    """How many faces are found in pictures of each kind."""
    print("\n### The largest face is found\n")
    rows = []
    for name, chosen in (("portraits up to 160 pixels", [one for one in pictures if long(one) <= SMALL]),
                         ("portraits above", [one for one in pictures if long(one) > SMALL])):
        rows.append((name, *seen(chosen, "portrait")))
    rows += [(kind, *seen(pictures, kind)) for kind in
             ("hard", "turned", "tilted", "dark", "dim", "blurred", "soft", "tiny", "camera")]
    table(("", *HALVES, "all"), rows)
    print(f"\nOf the faces in pictures of several, {of(faces_of_several(pictures))} are found.")


def seen(pictures, kind):
    """On each half and on both."""
    return [of(share(pictures, kind, lambda one: one.seen, half)) for half in (*HALVES, "all")]


def long(one):
    """The long side of a picture."""
    return max(one.width, one.height)


def crop_rules(pictures):
    """The face crop against crops that look for nothing."""
    print("\n### Crops of portraits; the last three columns are those that are not nearly square\n")
    rows = [(name, *map(of, shares)) for name, shares in crops(pictures)]
    table(("crop", "cut", "centred", "eye line", "cut", "centred", "eye line"), rows)


def defects(pictures):
    """Warnings."""
    print("\n### Warnings\n")
    rows = [(warning, kind, of(hits), of(alarms)) for warning, kind, hits, alarms in warnings(pictures)]
    table(("warning", "among", "stands", "stands among portraits"), rows, words=2)


def costs(pictures):
    """What the whole way takes."""
    print("\n### CPU ms from a file's bytes to an avatar of 200x200, one run\n")
    rows = []
    for kind in ("portrait", "faceless", "camera"):
        times = sorted(one.cpu_ms for one in pictures if one.kind == kind)
        rows.append((kind, f"{statistics.median(times):.1f}", f"{times[int(0.95 * len(times))]:.1f}", f"{times[-1]:.1f}"))
    table(("", "median", "95 %", "most"), rows)


def missed(scores):
    """Which pictures stand against a goal."""
    print("\n### Against the goals\n")
    for one in scores:
        print(f"- {one.name}: {', '.join(one.against) or 'none'}")


def of(one):
    """A share as people read it."""
    return f"{one.part} / {one.whole}"


def likely(one):
    """Where the true share lies by Wilson's interval, if the pictures were drawn at random; they were not."""
    part, square = one.part / one.whole, SURENESS**2 / one.whole
    middle = (part + square / 2) / (1 + square)
    reach = SURENESS * (part * (1 - part) / one.whole + square / 4 / one.whole) ** 0.5 / (1 + square)
    return f"{max(0, middle - reach):.1%} .. {min(1, middle + reach):.1%}"
