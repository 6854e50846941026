"""What every peer written in Python does the same: `PEER WAY PHOTO RUNS OUT|- WxH ...`, as our own example has it."""

import json
import sys
import time


def serve(ways):
    """Works once unmeasured and then RUNS times, and prints one line of JSON. A way makes JPEGs of a photo's bytes."""
    way, photo, runs, out, *sizes = sys.argv[1:]
    make = ways[way]
    wanted = [tuple(int(side) for side in size.split("x")) for size in sizes]
    idle = memory("VmRSS:")
    with open(photo, "rb") as file:
        data = file.read()
    made = make(data, wanted)
    times = [cpu_ms(make, data, wanted) for _ in range(int(runs))]
    peak = memory("VmHWM:") - idle
    print(json.dumps({"cpu_ms": times, "peak_kib": peak, "bytes": [len(jpeg) for jpeg in made]}))
    if out != "-":
        write(out, made)


def cpu_ms(make, data, wanted):
    """User and system time of all threads of this process."""
    before = time.process_time()
    make(data, wanted)
    return (time.process_time() - before) * 1e3


def write(out, made):
    """`OUT-0.jpg` and so on."""
    for index, jpeg in enumerate(made):
        with open(f"{out}-{index}.jpg", "wb") as file:
            file.write(jpeg)


def memory(figure):
    """A figure of this process in KiB (proc(5))."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(figure))
