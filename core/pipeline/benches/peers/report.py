"""The tables, in Markdown."""

import statistics

from cases import (AGAIN, DECODE, DIGEST, MEMORY_GOALS, OURS, PATH_GOALS, QUALITY_GOALS, RATIO_GOALS, SMALL, WALK)
from measure import PARTS


def ratios(times, over):
    """Round by round: the machine may be slower in one round than in another, but for both alike."""
    return [ours / theirs for ours, theirs in zip(times, over, strict=True)]


def spread(values):
    """From the least to the most."""
    return f"{min(values):.2f}..{max(values):.2f}"


def table(head, rows):
    """Lines of a Markdown table; the first column holds words, the others figures."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


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
    print(table(head, rows))


def parts(cases, costs):
    """Our own way, part by part."""
    print("\n### Parts of ours, CPU ms\n")
    rows = []
    for case in cases:
        own = costs[case.name]
        path = ratios(own[OURS], own[DECODE])
        figures = [f"{statistics.median(own[name]):.2f}" for name in (WALK, DIGEST, DECODE, OURS)]
        rows.append((case.title, *figures, f"{statistics.median(path):.2f}", spread(path)))
    print(table(("", WALK, DIGEST, DECODE, "all renditions", "all / decode alone", "least..most"), rows))


def noise(cases, costs):
    """The same program twice in each round: what lies within this spread is no difference."""
    over = [ratio for case in cases for ratio in ratios(costs[case.name][OURS], costs[case.name][AGAIN])]
    print(f"\nNoise of this machine: ours over ours again is {statistics.median(over):.2f}, {spread(over)}.")


def quality(cases, looks):
    """The 200x200 of everybody against the reference."""
    print("\n### Likeness of the 200x200 to a float Lanczos3 of the whole photo\n")
    rows = []
    for case in cases:
        for name, look in looks[case.name].items():
            if case.ours == SMALL and name not in (AGAIN, *PARTS):
                rows.append((case.title, name, f"{look.whole['ssim']:.4f}", f"{look.whole['psnr']:.1f}",
                             f"{look.encoding['ssim']:.4f}", f"{look.scaling['ssim']:.4f}"))
    print(table(("", "", "SSIM", "PSNR dB", "SSIM of its JPEG encoder alone", "SSIM with the encoder's part out"),
                rows))


def goals(costs, looks):
    """Prints which goals are reached, and returns whether all are."""
    results = [*ratio_goals(costs), *path_goals(costs), *memory_goals(looks), *quality_goals(looks)]
    rows = [(what, goal, measured, {True: "reached", False: "not reached", None: "not measured"}[reached])
            for what, goal, measured, reached in results]
    print("\n### Goals\n")
    print(table(("", "goal", "measured", ""), rows))
    return all(reached for *_, reached in results)


def ratio_goals(costs):
    """CPU time over a peer's."""
    for case, peer, most in RATIO_GOALS:
        times = costs.get(case, {})
        yield judged(f"{case}: ours / {peer}", most, peer in times and ratios(times[OURS], times[peer]))


def path_goals(costs):
    """CPU time over that of the decode alone."""
    for case, most in PATH_GOALS:
        times = costs.get(case)
        yield judged(f"{case}: all / decode alone", most, times and ratios(times[OURS], times[DECODE]))


def judged(what, most, over):
    """A goal for the median of ratios."""
    if not over:
        return what, f"<= {most:.2f}", "", None
    median = statistics.median(over)
    return what, f"<= {most:.2f}", f"{median:.2f} ({spread(over)})", median <= most


def memory_goals(looks):
    """Peak memory of one run."""
    for case, most in MEMORY_GOALS:
        peak = looks[case][OURS].peak_mb if case in looks else None
        yield (f"{case}: peak memory above idle", f"<= {most} MB", f"{peak:.1f} MB" if peak else "",
               peak and peak <= most)


def quality_goals(looks):
    """SSIM of the decoded JPEG, and without what its encoder lost."""
    for case, least in QUALITY_GOALS:
        for what in ("whole", "scaling"):
            words = "with the JPEG's loss" if what == "whole" else "the encoder's part out"
            ssim = getattr(looks[case][OURS], what)["ssim"] if case in looks else None
            yield (f"{case}: SSIM, {words}", f">= {least}", f"{ssim:.4f}" if ssim else "", ssim and ssim >= least)
