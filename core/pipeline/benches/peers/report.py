"""The tables, in Markdown."""

import statistics

from cases import (AGAIN, COLOUR_GOALS, CONVERSION_GOALS, DECODE, DIGEST, MEMORY_GOALS, OURS, PATH_GOALS, QUALITY_GOALS,
                   RATIO_GOALS, VIPS_EACH, WALK)
from markdown import table
from measure import PARTS


def ratios(times, over):
    """Round by round: the machine may be slower in one round than in another, but for both alike."""
    return [ours / theirs for ours, theirs in zip(times, over, strict=True)]


def spread(values):
    """From the least to the most."""
    return f"{min(values):.2f}..{max(values):.2f}"


def comparison(case, costs, looks):
    """One case: everybody's time and ours over it."""
    print(f"\n### {case.title}\n")
    ours = costs[OURS]
    with_walk = [sum(pair) for pair in zip(ours, costs[WALK], strict=True)]
    rows = []
    for name, times in costs.items():
        if name in PARTS:
            continue
        over = ratios(ours, times)
        rows.append((name, f"{statistics.median(times):.2f}", f"{statistics.median(over):.2f}", spread(over),
                     f"{statistics.median(ratios(with_walk, times)):.2f}", f"{looks[name].peak_mb:.1f}",
                     " + ".join(map(str, looks[name].bytes))))
    head = ("", "CPU ms", "ours / it", "least..most", "ours with walk / it", "peak MB above idle", "bytes")
    table(head, rows)


def parts(cases, costs):
    """Our own way, part by part."""
    print("\n### Parts of ours, CPU ms\n")
    rows = []
    for case in cases:
        if case.heic:
            # Without renditions no tile is shown, so none is decoded.
            continue
        own = costs[case.name]
        path = ratios(own[OURS], own[DECODE])
        figures = [f"{statistics.median(own[name]):.2f}" for name in (WALK, DIGEST, DECODE, OURS)]
        rows.append((case.title, *figures, f"{statistics.median(path):.2f}", spread(path)))
    table(("", WALK, DIGEST, DECODE, "all renditions", "all / decode alone", "least..most"), rows)


def noise(cases, costs):
    """The same program twice in each round: what lies within this spread is no difference."""
    over = [ratio for case in cases for ratio in ratios(costs[case.name][OURS], costs[case.name][AGAIN])]
    print(f"\nNoise of this machine: ours over ours again is {statistics.median(over):.2f}, {spread(over)}.")


def quality(cases, looks):
    """The 200x200 of everybody against the reference."""
    print("\n### Likeness of the 200x200, decoded, to a float Lanczos3 of the whole photo\n")
    rows = []
    for case in cases:
        for name, look in looks[case.name].items():
            if look.likeness and name not in (AGAIN, VIPS_EACH):
                like = look.likeness
                ssims = (like.ssim, like.encoder_alone, like.without_encoder, like.to_encoded)
                rows.append((case.title, name, f"{like.psnr:.1f}", *(f"{ssim:.4f}" for ssim in ssims)))
    head = ("", "", "PSNR dB", "SSIM", "of its encoder alone", "without its encoder's loss",
            "to the reference so encoded")
    table(head, rows, words=2)


def colours(cases, looks):
    """The 200x200 of everybody of photos with a profile."""
    print("\n### Colours of the 200x200, PSNR in dB without the encoder's loss\n")
    rows = []
    for case in cases:
        for name, look in looks[case.name].items():
            if look.likeness and look.likeness.colours:
                near = look.likeness.colours
                rows.append((case.title, name, f"{near.to_converted:.1f}", f"{near.to_reference:.1f}"))
    table(("", "", "to its own of the photo converted first", "to the reference"), rows, words=2)


def goals(costs, looks):
    """Prints which goals are reached, and returns whether all are."""
    print("\n### Goals\n")
    words = {True: "reached", False: "not reached", None: "not measured"}
    results = [*ratio_goals(costs), *path_goals(costs), *memory_goals(looks), *quality_goals(looks),
               *colour_goals(looks), *conversion_goals(costs)]
    table(("", "goal", "measured", ""), [(*texts, words[reached]) for *texts, reached in results])
    return all(reached for *_, reached in results)


def ratio_goals(costs):
    """CPU time over a peer's."""
    for case, peer, most in RATIO_GOALS:
        times = costs.get(case, {})
        yield judged(f"{case}: ours / {peer}", most, ratios(times[OURS], times[peer]) if peer in times else [])


def path_goals(costs):
    """CPU time over that of the decode alone."""
    for case, most in PATH_GOALS:
        times = costs.get(case)
        yield judged(f"{case}: all / decode alone", most, ratios(times[OURS], times[DECODE]) if times else [])


def judged(what, most, over):
    """A goal for the median of ratios, which is judged as it is printed."""
    if not over:
        return what, f"<= {most:.2f}", "", None
    median = round(statistics.median(over), 2)
    return what, f"<= {most:.2f}", f"{median:.2f} ({spread(over)})", median <= most


def memory_goals(looks):
    """Peak memory of one run."""
    for case, most in MEMORY_GOALS:
        what = f"{case}: peak memory above idle"
        if case in looks:
            peak = looks[case][OURS].peak_mb
            yield what, f"<= {most} MB", f"{peak:.1f} MB", peak <= most
        else:
            yield what, f"<= {most} MB", "", None


def quality_goals(looks):
    """SSIM of the 200x200. JPEG at quality 85 alone loses more than the goal allows, so that is given back."""
    for case, least in QUALITY_GOALS:
        what = f"{case}: SSIM without the encoder's loss"
        if case in looks:
            like = looks[case][OURS].likeness
            measured = f"{like.without_encoder:.4f} (at least {like.to_encoded:.4f})"
            yield what, f">= {least}", measured, like.without_encoder >= least
        else:
            yield what, f">= {least}", "", None


def colour_goals(looks):
    """PSNR of the 200x200 to what is made of the photo converted first."""
    for case, least in COLOUR_GOALS:
        what = f"{case}: PSNR to the photo converted first"
        if case in looks:
            near = looks[case][OURS].likeness.colours.to_converted
            yield what, f">= {least} dB", f"{near:.2f} dB", near >= least
        else:
            yield what, f">= {least} dB", "", None


def conversion_goals(costs):
    """CPU time above that of the same photo without a profile."""
    for case, plain, most in CONVERSION_GOALS:
        what = f"{case}: above {plain}"
        if case in costs and plain in costs:
            more = [one - other for one, other in zip(costs[case][OURS], costs[plain][OURS], strict=True)]
            median = round(statistics.median(more), 2)
            yield what, f"<= {most} ms", f"{median:.2f} ms ({spread(more)})", median <= most
        else:
            yield what, f"<= {most} ms", "", None
