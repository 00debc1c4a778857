"""What streamer and queue have in common: loads on one appliance, each verified, counted by stage,
timed, and then the same beside it on libzmq."""
import appliance
import loads
import stages
from settings import said
from stats import of

GOAL_RATIO = 5
OURS = 0.35  # of a load's share of the time


def label(load):
    """ "1 to 8, 1 KiB" """
    size = load["size"]
    return (f"{load.get('publishers', 1)} to {load.get('subscribers', 1)}, "
            + (f"{size // 1024} KiB" if size >= 1024 else f"{size} B"))


def ours(s, name, load, window, until, per=1):
    """Results through the device of that name. per: parts that leave it for each counted message."""
    what, load = label(load), dict(load, window=window)
    with appliance.Appliance(s.programs, [s.poll_cpu], s.hugepages_mb, kind=name) as at:
        s.rows.check(name, f"zeroline, {what}, verified",
                     loads.zeroline(at, s.load_cpu, verify=True, seconds=s.seconds, **load))
        stages.told(s, name, what, stages.run(s, at, name, f"{name} {what}", per=per, **load))
        results = s.runs(lambda: loads.zeroline(at, s.load_cpu, seconds=s.seconds, **load), until)
        return s.rows.check(name, f"zeroline, {what}", results)


def peers(s, name, wire, load, window, until):
    """Results through libzmq's proxy on that wire, and how it was run."""
    load = dict(load, window=window)
    how = s.best_libzmq(wire, s.hows(), lambda result: result["delivered_s"], **load)
    results = s.runs(lambda: loads.libzmq(s.programs, wire, how, seconds=s.seconds, **load), until)
    return s.rows.check(name, f"libzmq, {wire.name}, {label(load)}", results), how


def goal(mine, theirs):
    met = mine.median >= GOAL_RATIO * theirs.median
    return f">= {GOAL_RATIO} x libzmq: {'met' if met else 'missed'}"


def rates(s, name, metric, unit, steps, share=1.0, per=1):
    """A row for each of steps, (load, window, libzmq's window), on each wire; messages counted by
    who takes them. share: of the time. What each load gave of ours, for more rows."""
    found = []
    for at, (load, window, zmq_window) in enumerate(steps):
        begun, part = share * at / len(steps), share / len(steps)
        mine = ours(s, name, load, window, begun + part * OURS, per)
        found.append((load, mine))
        mine = of(mine, "delivered_s")
        for number, wire in enumerate(s.wires):
            until = begun + part * (OURS + (1 - OURS) * (number + 1) / len(s.wires))
            theirs, how = peers(s, name, wire, load, zmq_window, until)
            theirs, peer = of(theirs, "delivered_s"), f"libzmq, {wire.name}, {said(how)}"
            s.rows.add(name, f"{metric} {label(load)}", unit, mine, peer, theirs,
                       goal(mine, theirs))
            if load["size"] >= 1024:
                s.rows.add(name, f"payload {label(load)}", "bit/s", mine.scaled(8 * load["size"]),
                           peer, theirs.scaled(8 * load["size"]))
    return found
