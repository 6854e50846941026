"""What the comparisons need to be set up: cargo's target folder, our examples, a Python of their own, packages of npm."""

import json
import sys
from pathlib import Path

from failure import run, tell

HERE = Path(__file__).parent
NETWORK = "check that the package registries can be reached, then run this again"


def target_folder():
    """Cargo knows of every way to move it."""
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps"]
    text = run("find cargo's target folder", "install Rust with cargo", command, cwd=HERE)
    return Path(json.loads(text)["target_directory"])


def example(name):
    """An example of the pipeline, built to be measured."""
    tell("building our example")
    command = ["cargo", "build", "--release", "--package", "portraitd-pipeline", "--example", name]
    run("build our example", "run the same cargo command by hand", command, cwd=HERE)
    return target_folder() / "release/examples" / name


def python(venv, requirements):
    """The Python of an environment that holds what a file of requirements names."""
    wanted = requirements.read_text()
    interpreter, stamp = venv / "bin/python", venv / "installed.txt"
    if stamp.is_file() and stamp.read_text() == wanted:
        return interpreter
    tell(f"installing {', '.join(wanted.split())}")
    hint = "install Python's venv module (Debian: python3-venv)"
    run("make a Python environment", hint, [sys.executable, "-m", "venv", "--clear", venv])
    command = [interpreter, "-m", "pip", "install", "--quiet", "--requirement", requirements]
    run("install Python packages", NETWORK, command)
    stamp.write_text(wanted)
    return interpreter


def npm_package(wanted, folder):
    """The archive of a package of npm, as its registry serves it."""
    hint = "install npm, and check that it reaches its registry"
    name = run(f"download {wanted}", hint, ["npm", "pack", "--silent", wanted], cwd=folder)
    return folder / name.strip()
