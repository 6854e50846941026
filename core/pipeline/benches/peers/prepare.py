"""Sets up everybody under cargo's target folder; what is there already is used again."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import real_photos
from failure import Failure, run, tell
from workshop import NETWORK, example, python, target_folder

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Workshop:
    """Where everything lies."""

    python: Path
    node: Path | None
    ours: Path
    photos: Path
    out: Path


def workshop(photos):
    """Everybody ready to run, and those of the photos that could be had."""
    home = target_folder() / "peers"
    for folder in ("photos", "out", "node", "downloads"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    interpreter = python(home / "venv", HERE / "requirements.txt")
    shop = Workshop(interpreter, sharp(home / "node"), example("timed_render"), home / "photos", home / "out")
    real_photos.fetch(photos, home / "downloads")
    command = [shop.python, HERE / "make_photos.py", shop.photos, home / "downloads", *photos]
    tell("making the photos that are not there yet")
    run("make the photos", "delete target/peers and run this again", command)
    return shop


def sharp(folder):
    """The folder that holds sharp, if this machine has node."""
    if not (shutil.which("node") and shutil.which("npm")):
        tell("left out: sharp, because node and npm are not installed")
        return None
    wanted = (HERE / "package.json").read_text()
    installed = folder / "package.json"
    if not (installed.is_file() and installed.read_text() == wanted and sharp_starts(folder)):
        tell("installing sharp")
        installed.write_text(wanted)
        run("install sharp", NETWORK, ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"], cwd=folder)
    if not sharp_starts(folder):
        raise Failure("start sharp", "node cannot load it", "sharp's package names the oldest node that it works with")
    return folder


def sharp_starts(folder):
    """Whether node can load it."""
    try:
        run("start sharp", "", ["node", "-e", "require('sharp')"], cwd=folder)
    except Failure:
        return False
    return True


def versions(shop):
    """Lines about who took part and on what machine."""
    lines = [", ".join((HERE / "requirements.txt").read_text().split())]
    if shop.node:
        script = "v = require('sharp').versions; `sharp ${v.sharp} with libvips ${v.vips}, node ${process.version}`"
        lines.append(run("ask for sharp's version", NETWORK, ["node", "-p", script], cwd=shop.node).strip())
    lines.append(run("ask for Rust's version", "install Rust with cargo", ["rustc", "--version"], cwd=HERE).strip())
    return [*lines, processor()]


def processor():
    """The processor's name."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else "unknown processor"
