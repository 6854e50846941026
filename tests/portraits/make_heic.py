#!/usr/bin/env python3
"""Makes the HEIC files beside it of portrait.jpg: `make_heic.py`, with Pillow 13.0.0 and pillow-heif 1.8.1 installed.

pillow-heif codes single pictures. As a phone has them, in tiles and turned, they are put together here: the boxes that are
written are those of ISO/IEC 14496-12 and ISO/IEC 23008-12, and no more than a reader needs.
"""

import io
import struct
from pathlib import Path

import pillow_heif
from PIL import Image

HERE = Path(__file__).parent
TILE = 128


def main():
    """All of them."""
    portrait = Image.open(HERE / "portrait.jpg")
    single = portrait.resize((400, 400), Image.LANCZOS)
    save("portrait.heic", coded(single, 60))
    upright = portrait.crop((64, 0, 448, 512)).resize((300, 400), Image.LANCZOS)
    save("portrait-grid.heic", grid(upright.transpose(Image.ROTATE_90)))
    small = portrait.resize((160, 160), Image.LANCZOS)
    save("portrait-gray.heic", coded(small.convert("L"), 60))
    clear = small.convert("RGBA")
    clear.putalpha(Image.radial_gradient("L").resize((160, 160)).point(lambda far: 255 if far < 128 else 0))
    save("portrait-clear.heic", coded(clear, 60))


def save(name, data):
    """Beside this program."""
    (HERE / name).write_bytes(data)


def coded(image, quality):
    """A whole file with one picture."""
    file = io.BytesIO()
    pillow_heif.from_pillow(image).save(file, quality=quality)
    return file.getvalue()


def grid(image):
    """A picture in tiles that reach over its edges, to be turned a quarter clockwise, with EXIF data that says so too."""
    columns, rows = -(-image.width // TILE), -(-image.height // TILE)
    files = [coded(tile(image, column, row), 50) for row in range(rows) for column in range(columns)]
    exif = b"\0\0\0\0" + b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    header = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, image.width, image.height)
    tiles = range(1, len(files) + 1)
    primary, described = len(files) + 1, len(files) + 2
    items = [(item, b"hvc1") for item in tiles] + [(primary, b"grid"), (described, b"Exif")]
    properties = [
        find(files[0], b"hvcC"),
        full(b"ispe", 0, 0, struct.pack(">II", TILE, TILE)),
        full(b"ispe", 0, 0, struct.pack(">II", image.width, image.height)),
        box(b"irot", b"\x03"),
        box(b"colr", b"nclx" + struct.pack(">HHHB", 1, 13, 6, 0x80)),
    ]
    has = [(item, (0x81, 0x02, 0x05)) for item in tiles] + [(primary, (0x03, 0x84, 0x05))]
    data = [item_data(file) for file in files] + [exif]
    return container(items, properties, has, (primary, tiles, described), header, data)


def tile(image, column, row):
    """What lies beyond the edge repeats it, as encoders in phones do."""
    whole = Image.new("RGB", (TILE, TILE))
    part = image.crop((column * TILE, row * TILE, min(image.width, (column + 1) * TILE), min(image.height, (row + 1) * TILE)))
    whole.paste(part.resize((TILE, TILE), Image.NEAREST))
    whole.paste(part)
    return whole


def container(items, properties, has, relations, header, data):
    """Boxes around all of it; the grid's own data lies in them."""
    primary, tiles, described = relations
    entries = b"".join(full(b"infe", 2, 0, struct.pack(">HH4sB", item, 0, kind, 0)) for item, kind in items)
    associations = b"".join(struct.pack(">HB", item, len(numbers)) + bytes(numbers) for item, numbers in has)
    references = [
        box(b"dimg", struct.pack(f">HH{len(tiles)}H", primary, len(tiles), *tiles)),
        box(b"cdsc", struct.pack(">HHH", described, 1, primary)),
    ]
    boxes = [
        full(b"hdlr", 0, 0, struct.pack(">I4s12xB", 0, b"pict", 0)),
        full(b"pitm", 0, 0, struct.pack(">H", primary)),
        full(b"iinf", 0, 0, struct.pack(">H", len(items)) + entries),
        full(b"iref", 0, 0, b"".join(references)),
        box(b"iprp", box(b"ipco", b"".join(properties)) + full(b"ipma", 0, 0, struct.pack(">I", len(has)) + associations)),
        box(b"idat", header),
    ]
    brands = box(b"ftyp", b"heic\0\0\0\0mif1heic")
    places = [number for number in (*tiles, described)]
    size = len(brands) + len(full(b"meta", 0, 0, b"".join(boxes) + locations(places, data, 0, primary, header))) + 8
    meta = full(b"meta", 0, 0, b"".join(boxes) + locations(places, data, size, primary, header))
    return brands + meta + box(b"mdat", b"".join(data))


def locations(items, data, start, primary, header):
    """Where each item is: of the grid, in the box `idat`."""
    entries = [struct.pack(">HHHHII", primary, 1, 0, 1, 0, len(header))]
    for item, piece in zip(items, data):
        entries.append(struct.pack(">HHHHII", item, 0, 0, 1, start, len(piece)))
        start += len(piece)
    return full(b"iloc", 1, 0, struct.pack(">BBH", 0x44, 0, len(entries)) + b"".join(entries))


def box(name, body):
    """A box of any name."""
    return struct.pack(">I4s", 8 + len(body), name) + body


def full(name, version, flags, body):
    """A box with a version."""
    return box(name, struct.pack(">I", version << 24 | flags) + body)


def find(file, name):
    """The first box of that name, wherever it lies."""
    start = file.index(name) - 4
    return file[start:start + struct.unpack(">I", file[start:start + 4])[0]]


def item_data(file):
    """All of the media data: there is one picture in it."""
    return find(file, b"mdat")[8:]


main()
