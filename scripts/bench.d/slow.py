"""64 subscribers, of which one stalls or reads at 1 %: what the others notice, and who is named."""
import math
import time

import appliance
import loads
import programs
from settings import said
from stats import Runs, of

TITLE = "Slow subscribers: 64 of them, 64 B"
SUBSCRIBERS = 64
WINDOW, ZMQ_WINDOW = 4000, 1000
HWM = 100000
SECONDS = 2  # so that who does not read falls behind by more than that
WARMUP = 0.5
LOOK_S = 0.1
SHARE = 0.5  # of the peak, open loop
CASES = {"all well": {}, "one stalled, one at 1 %": {"stalled": 1, "slow": 1, "slow_percent": 1},
         "all well again": {}}
WELL, ILL, AGAIN = CASES
ROUNDS = 9  # a run's p99 says more of what the machine did meanwhile than of anything else
GOAL_RATE, GOAL_P99 = 0.98, 1.10  # with slow ones, against without


def measure(s):
    if not programs.knows(s.programs["blast"], "--stalled"):
        s.rows.note("slow", "Not measured: this zeroline-blast has no --stalled.")
        return
    s.rows.note("slow", f"hwm: {HWM} messages for each peer. Rates and p99 are of the subscribers "
                        f"that are well; the open loop runs at {100 * SHARE:.0f} % of the peak. A "
                        "run with slow subscribers stands between two without, and is compared "
                        "with their geometric mean; how those two compare says what the machine "
                        "does to such a figure.")
    closed = ours(s, 0.35, window=WINDOW)
    rate = round(SHARE * of(closed[WELL], "published_s").median)
    opened = ours(s, 0.7, rate=rate)
    theirs, how = libzmq(s, s.wires[0])
    for case in (WELL, ILL):
        s.rows.add("slow", f"messages to each that is well, {case}", "msg/s",
                   of(closed[case], "published_s"), f"libzmq, {s.wires[0].name}, {said(how)}",
                   of(theirs[case], "published_s"))
        s.rows.add("slow", f"p99 at {rate:,}/s, {case}", "ns", of(opened[case], "latency_ns/p99"))
    compare(s, "rate", closed, "published_s", lambda ratio: ratio >= GOAL_RATE, f">= {GOAL_RATE}")
    compare(s, f"p99 at {rate:,}/s", opened, "latency_ns/p99", lambda ratio: ratio <= GOAL_P99,
            f"<= {GOAL_P99}")
    for case in (WELL, ILL):
        told(s, case, closed[case] + opened[case])


def compare(s, what, results, key, meets, goal):
    well, ill, again = (of(results[case], key).values for case in CASES)
    ratio = Runs(mine / math.sqrt(before * after)
                 for before, mine, after in zip(well, ill, again) if before * after)
    same = Runs(after / before for before, after in zip(well, again) if before)
    s.rows.add("slow", f"{what}, with slow ones / without", "", ratio,
               goal=f"{goal}: {'met' if meets(ratio.median) else 'missed'}")
    s.rows.add("slow", f"{what}, without slow ones, the second time / the first", "", same)


def ours(s, until, **load):
    """Results by case, in turn."""
    found = {case: [] for case in CASES}

    def one_each():
        for case, more in CASES.items():
            with appliance.Appliance(s.programs, [s.poll_cpu], s.hugepages_mb, hwm=HWM) as at:
                found[case].append(loads.zeroline(
                    at, s.load_cpu, lambda: look(at), subscribers=SUBSCRIBERS, verify=True,
                    warmup=WARMUP, seconds=SECONDS, **load, **more))

    s.runs(one_each, until, most=ROUNDS)
    for case, results in found.items():
        s.rows.check("slow", f"zeroline, {case}", results)
    return found


def look(at):
    """Who falls behind, and what memory is left, as the appliance itself says it until the end."""
    dropped = {}
    free = 1.0
    end = time.monotonic() + WARMUP + SECONDS - LOOK_S
    while time.monotonic() < end:
        for peer in at.ask("peers"):
            if peer["dropped"]:
                dropped[peer["address"]] = peer["dropped"]
        for core in at.ask("cores"):
            free = min(free, core["pool_free"] / core["pool_total"])
        time.sleep(LOOK_S)
    return {"dropped": dropped, "free": free}


def told(s, case, results):
    """The names, and that memory is bounded."""
    names = [len(result["meanwhile"]["dropped"]) for result in results]
    free = min(result["meanwhile"]["free"] for result in results)
    last = results[-1]["meanwhile"]["dropped"]
    example = ", e.g. " + ", ".join(f"{name} ({count:,} dropped)" for name, count in
                                    list(last.items())[:2]) if last else ""
    s.rows.note("slow", f"{case}: `zeroline peers` named {min(names)} to {max(names)} peers with "
                        f"drops{example}; at least {100 * free:.0f} % of packet memory stayed free.")


def libzmq(s, wire):
    """Closed loop, by case, and how."""
    load = {"subscribers": SUBSCRIBERS, "window": ZMQ_WINDOW}
    how = s.best_libzmq(wire, s.hows(), lambda result: result["delivered_s"], **load)
    found = {}
    for i, case in enumerate((WELL, ILL)):
        found[case] = s.runs(lambda more=CASES[case]: loads.libzmq(
            s.programs, wire, how, hwm=HWM, seconds=SECONDS, verify=True, **load, **more),
            0.75 + 0.1 * (i + 1), most=3)
        s.rows.check("slow", f"libzmq, {case}", found[case])
    return found, how
