"""One publisher, many subscribers: deliveries a second, beside libzmq and the memory's speed."""
import appliance
import loads
import processes
import stages
from settings import said
from stats import of

TITLE = "Fan-out: one publisher to 8, 64 and 512 subscribers, 64 B"
SIZE = 64
WIRE = SIZE + 2  # and its ZMTP header
# subscribers, and how many messages Zeroline's and libzmq's slowest may be behind
STEPS = ((8, 5000, 4000), (64, 4000, 1000), (512, 2000, 200))
GOAL_RATE, GOAL_RATIO = 29e6, 8


def measure(s):
    steps = STEPS[:1] if s.quick else STEPS
    curve = s.curves["fanout"] = {"subscribers": [step[0] for step in steps], "zeroline": []}
    speed = memory_speed(s)
    for at, (subscribers, window, zmq_window) in enumerate(steps):
        mine = of(ours(s, subscribers, window, (at + 0.35) / len(steps)), "delivered_s")
        curve["zeroline"].append(mine)
        share(s, subscribers, mine, speed)
        for number, wire in enumerate(s.wires):
            theirs, how = peers(s, wire, subscribers, zmq_window,
                                (at + 0.35 + 0.65 * (number + 1) / len(s.wires)) / len(steps))
            theirs = of(theirs, "delivered_s")
            curve.setdefault(wire.name, []).append(theirs)
            s.rows.add("fanout", f"deliveries to {subscribers}", "msg/s", mine,
                       f"libzmq, {wire.name}, {said(how)}", theirs,
                       goal(subscribers, mine, theirs))


def goal(subscribers, mine, theirs):
    if subscribers != 8:
        return None
    met = mine.median >= GOAL_RATE and mine.median >= GOAL_RATIO * theirs.median
    return (f">= {GOAL_RATE / 1e6:.0f} M msg/s, >= {GOAL_RATIO} x libzmq: "
            f"{'met' if met else 'missed'}")


def ours(s, subscribers, window, until):
    load = {"subscribers": subscribers, "window": window, "size": SIZE, "seconds": s.seconds}
    what = f"zeroline to {subscribers}"
    with appliance.Appliance(s.programs, [s.poll_cpu], s.hugepages_mb) as at:
        s.rows.check("fanout", what, loads.zeroline(at, s.load_cpu, verify=True, **load))
        count = {key: value for key, value in load.items() if key != "seconds"}
        label = f"1 to {subscribers}"
        stages.told(s, "fanout", label, stages.run(s, at, "fanout", label, **count))
        return s.rows.check("fanout", what,
                            s.runs(lambda: loads.zeroline(at, s.load_cpu, **load), until))


def peers(s, wire, subscribers, window, until):
    load = {"subscribers": subscribers, "window": window, "size": SIZE}
    how = s.best_libzmq(wire, s.hows(), lambda result: result["delivered_s"], **load)
    results = s.runs(lambda: loads.libzmq(s.programs, wire, how, seconds=s.seconds, **load), until)
    return s.rows.check("fanout", f"libzmq, {wire.name} to {subscribers}", results), how


def memory_speed(s):
    """Bytes copied a second by one core."""
    argv = ["taskset", "-c", str(s.poll_cpu), s.programs["membw"]]
    speed = float(processes.command(*argv, *(["32"] if s.quick else [])))
    s.rows.note("fanout", f"memcpy() on one core copies {speed / 1e9:.1f} GB/s (read and written "
                          "once each, in no cache).")
    return speed


def share(s, subscribers, mine, speed):
    moved = mine.median * WIRE
    s.rows.note("fanout", f"To {subscribers}: {mine.median / 1e6:.1f} M deliveries/s are "
                          f"{moved / 1e9:.2f} GB/s of ZMTP frames, {100 * moved / speed:.0f} % of "
                          "what memcpy() copies.")
