"""Runs everybody in turn and keeps what each run cost."""

import json
import os
import statistics
from dataclasses import dataclass
from pathlib import Path

from cases import AGAIN, DECODE, DIGEST, OURS, PILLOW, PILLOW_HEIF, PILLOW_WHOLE, SHARP, VIPS, VIPS_EACH, WALK
from failure import run, tell

HERE = Path(__file__).parent
PARTS = (WALK, DIGEST, DECODE)
# For libvips, and for node, which would work at sharp's pipelines side by side.
ONE_THREAD = {"VIPS_CONCURRENCY": "1", "UV_THREADPOOL_SIZE": "1"}


@dataclass(frozen=True)
class Runner:
    """Somebody who makes small pictures: a program of the common form, and the folder it runs in."""

    name: str
    command: tuple
    folder: Path
    ours: bool = False

    def takes(self, case):
        """Whether it reads such a photo, or is there to do so."""
        if self.name == PILLOW_WHOLE:
            return case.has_profile
        return self.ours or (self.name == PILLOW_HEIF) == case.heic

    def sizes(self, case):
        """What it is asked for."""
        if self.name in PARTS:
            return ()
        return case.ours if self.ours else case.peers

    def work(self, case, photos, runs, out="-"):
        """The answer of one process. With no measured runs it has worked once, which is what memory is judged by."""
        # A photo with a path from the root is that very file.
        command = [*self.command, photos / case.photo, str(runs), out, *self.sizes(case)]
        environment = os.environ | ONE_THREAD | {"PYTHONDONTWRITEBYTECODE": "1"}
        hint = "run it by hand: " + " ".join(map(str, command))
        text = run(f"run {self.name}", hint, command, cwd=self.folder, env=environment)
        return json.loads(text.strip().splitlines()[-1])


def runners(shop):
    """Everybody, in the order of a round. Ours stands at both ends, so that a round shows its own noise."""
    python = [
        Runner(VIPS, (shop.python, HERE / "peer_vips.py", "small-from-large"), HERE),
        Runner(VIPS_EACH, (shop.python, HERE / "peer_vips.py", "each-from-file"), HERE),
        Runner(PILLOW, (shop.python, HERE / "peer_pillow.py", "draft"), HERE),
        Runner(PILLOW_WHOLE, (shop.python, HERE / "peer_pillow.py", "whole"), HERE),
        Runner(PILLOW_HEIF, (shop.python, HERE / "peer_pillow.py", "heif"), HERE),
    ]
    sharp = [Runner(SHARP, ("node", HERE / "peer_sharp.mjs", "each-from-file"), shop.node)] if shop.node else []
    ours = [Runner(name, (shop.ours, stage), HERE, ours=True) for name, stage in (
        (AGAIN, "render"), (DECODE, "render"), (WALK, "walk"), (DIGEST, "digest"))]
    return [Runner(OURS, (shop.ours, "render"), HERE, ours=True), *python, *sharp, *ours]


def stay_on_one_core(core):
    """This process and all that it starts. Another core would have a cold cache and perhaps another clock."""
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {allowed[-1] if core is None else core})


def rounds(cases, everybody, photos, count):
    """CPU milliseconds by case and name: one for each round, the median of that process' runs."""
    costs = {case.name: {runner.name: [] for runner in everybody if runner.takes(case)} for case in cases}
    for number in range(1, count + 1):
        tell(f"round {number} of {count}")
        for case in cases:
            for runner in filter(lambda runner: runner.takes(case), everybody):
                times = runner.work(case, photos, case.runs)["cpu_ms"]
                costs[case.name][runner.name].append(statistics.median(times))
    return costs
