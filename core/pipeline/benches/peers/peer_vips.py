"""libvips. One thread: VIPS_CONCURRENCY=1 is set by who starts this."""

import pyvips
import worker

# No side of a photo is so long: libvips wants a height even where it is free.
FREE = 10_000_000


def small_from_large(data, wanted):
    """Its best use: the file is read once, for the largest size, and each size is made from the one before."""
    # In memory at once; otherwise libvips would make it again for each use of it.
    profile = export_profile(data)
    image = thumbnail(pyvips.Image.thumbnail_buffer, data, wanted[0], **profile).copy_memory()
    jpegs = [jpeg(image)]
    for size in wanted[1:]:
        image = thumbnail(pyvips.Image.thumbnail_image, image, size).copy_memory()
        jpegs.append(jpeg(image))
    return jpegs


def each_from_file(data, wanted):
    """Its plain use."""
    profile = export_profile(data)
    return [jpeg(thumbnail(pyvips.Image.thumbnail_buffer, data, size, **profile)) for size in wanted]


def export_profile(data):
    """What it needs to be told where a photo has a profile, which it would keep otherwise. Only the header is read for it."""
    has_profile = pyvips.Image.new_from_buffer(data, "").get_typeof("icc-profile-data")
    return {"export_profile": "srgb"} if has_profile else {}


def thumbnail(make, source, size, **more):
    """The photo at that size, not worked out yet."""
    width, height = size
    options = {"height": height, "crop": "centre"} if height else {"height": FREE, "size": "down"}
    return make(source, width, **options, **more)


def jpeg(image):
    """Its default below quality 90 is 4:2:0, as everybody's here."""
    return image.jpegsave_buffer(Q=85, keep="none")


# Its cache of operations would answer every run but the first.
pyvips.cache_set_max(0)
worker.serve({"small-from-large": small_from_large, "each-from-file": each_from_file})
