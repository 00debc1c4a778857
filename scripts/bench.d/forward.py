"""One publisher, one subscriber: messages and bits a second by size, beside libzmq."""
import appliance
import loads
import stages
from settings import said
from stats import of

TITLE = "Forward: one publisher to one subscriber"
# bytes, and how many messages Zeroline's and libzmq's subscriber may be behind
SIZES = ((16, 100000, 8000), (64, 100000, 8000), (256, 50000, 8000), (1024, 16000, 4000),
         (65536, 256, 256), (1048576, 16, 16))
GOAL_RATE, GOAL_RATIO = 12.5e6, 6


def label(size):
    for unit, bytes_ in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= bytes_:
            return f"{size // bytes_} {unit}"
    return f"{size} B"


def measure(s):
    sizes = [x for x in SIZES if x[0] in (64, 1024)] if s.quick else SIZES
    curve = s.curves["forward"] = {"sizes": [size for size, _, _ in sizes], "zeroline": []}
    for at, (size, window, zmq_window) in enumerate(sizes):
        mine = ours(s, size, window, at / len(sizes))
        curve["zeroline"].append(of(mine, "delivered_s"))
        for wire in s.wires:
            theirs, how = peers(s, wire, size, zmq_window, (at + 1) / len(sizes))
            curve.setdefault(wire.name, []).append(of(theirs, "delivered_s"))
            report(s, size, mine, theirs, f"libzmq, {wire.name}, {said(how)}")


def ours(s, size, window, begun):
    with appliance.Appliance(s.programs, [s.poll_cpu], s.hugepages_mb) as at:
        checked = loads.zeroline(at, s.load_cpu, size=size, window=window, seconds=s.seconds,
                                 verify=True)
        s.rows.check("forward", f"zeroline at {label(size)}", checked)
        if size in (64, 1024):
            title = f"1 to 1, {label(size)}"
            stages.told(s, "forward", title,
                        stages.run(s, at, "forward", title, size=size, window=window))
        results = s.runs(lambda: loads.zeroline(at, s.load_cpu, size=size, window=window,
                                                seconds=s.seconds), begun + 0.4 / len(SIZES))
        return s.rows.check("forward", f"zeroline at {label(size)}", results)


def peers(s, wire, size, window, share):
    load = {"size": size, "window": window}
    how = s.best_libzmq(wire, s.hows(), lambda result: result["delivered_s"], **load)
    results = s.runs(lambda: loads.libzmq(s.programs, wire, how, seconds=s.seconds, **load), share)
    return s.rows.check("forward", f"libzmq, {wire.name} at {label(size)}", results), how


def report(s, size, mine, theirs, peer):
    mine, theirs = of(mine, "delivered_s"), of(theirs, "delivered_s")
    goal = None
    if size == 64:
        goal = f">= {GOAL_RATE / 1e6} M msg/s, >= {GOAL_RATIO} x libzmq: " + (
            "met" if mine.median >= GOAL_RATE and mine.median >= GOAL_RATIO * theirs.median
            else "missed")
    s.rows.add("forward", f"messages at {label(size)}", "msg/s", mine, peer, theirs, goal)
    if size >= 1024:
        s.rows.add("forward", f"payload at {label(size)}", "bit/s", mine.scaled(8 * size), peer,
                   theirs.scaled(8 * size))
