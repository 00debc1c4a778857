"""How late messages are, by load, open loop: the clock starts when a message was due."""
import appliance
import loads
import machine
from settings import said
from stats import of

TITLE = "Latency: publisher to forwarder to subscriber, 64 B"
LIGHT = 10000  # messages a second
FLOORS = 3
SHARES = 0.5, 0.9
CURVE_SHARES = 0.1, 0.25, 0.5, 0.75, 0.9
WINDOW, ZMQ_WINDOW = 100000, 8000  # for the peak
KEYS = "p50", "p99", "p99.9"
SUSTAINED = 0.98
GOAL_P50_NS, GOAL_P99_NS = 5000, 20000

MEANING = ("Each figure is one way from publisher through the forwarder to the subscriber; both are "
           "in one process and stamp by one clock, so it is also the round trip between the load's "
           "machine and the forwarder: two trips over the wire, two stacks each. Open loop, free of "
           "coordinated omission: a message's time counts from when it was due, whatever became of "
           "those before it.")
FLOOR = ("The machine's own: what two threads on the same two CPUs, which only pass a counter to and "
         "fro through memory, measure in the same way, before and after ours (bench-floor). What is "
         "made of more than that cannot be sooner.")


def measure(s):
    s.rows.note("latency", MEANING)
    s.rows.note("latency", "A ratio below 1 says that Zeroline is sooner. Peaks are of this run, "
                           "closed loop; each side is loaded by shares of its own.")
    s.rows.note("latency", FLOOR)
    mine, floors = ours(s)
    for key in KEYS:
        s.rows.add("latency", f"{key} at {LIGHT:,} msg/s, the machine's own", "ns",
                   of(floors, f"latency_ns/{key}"))
    for number, wire in enumerate(s.wires):
        first, last = 0.45 + 0.55 * number / len(s.wires), 0.45 + 0.55 * (number + 1) / len(s.wires)
        theirs, how = peers(s, wire, first, last)
        for label, results in mine.items():
            report(s, label, results, theirs[label], f"libzmq, {wire.name}, {said(how)}",
                   floors if label == next(iter(mine)) else None)


def labels(peak):
    """{what a load is called: its rate}"""
    return {f"{LIGHT:,} msg/s": LIGHT,
            **{f"{100 * share:.0f} % of the peak": peak * share for share in SHARES}}


def ours(s):
    """Results by label, and the machine's own at the first of them."""
    floors = own(s)
    with appliance.Appliance(s.programs, [s.poll_cpu], s.hugepages_mb) as at:

        def run(**load):
            return loads.zeroline(at, s.load_cpu, seconds=s.seconds, **load)

        peaks = s.runs(lambda: run(window=WINDOW), 0, most=3)
        peak = of(peaks, "delivered_s").median
        s.rows.note("latency", f"Zeroline's peak: {peak / 1e6:.2f} M msg/s.")
        found = {label: s.runs(lambda rate=rate: run(rate=round(rate)), 0.1 * (2 + number))
                 for number, (label, rate) in enumerate(labels(peak).items())}
        # to check each message costs the load's CPU what it would have sent by
        s.rows.check("latency", "zeroline, verified", run(rate=LIGHT, verify=True))
        for label, results in found.items():
            s.rows.check("latency", f"zeroline at {label}", results)
        curve(s, "zeroline", peak, run)
    return found, floors + own(s)


def own(s):
    """While nothing else is on the two CPUs."""
    return [machine.floor(s.programs["floor"], s.poll_cpu, s.load_cpu, LIGHT, s.seconds)
            for _ in range(FLOORS)]


def peers(s, wire, first, last):
    def run(how, **load):
        return loads.libzmq(s.programs, wire, how, seconds=s.seconds, **load)

    fast = s.best_libzmq(wire, s.hows(), lambda result: result["delivered_s"], window=ZMQ_WINDOW)
    peaks = s.runs(lambda: run(fast, window=ZMQ_WINDOW), 0, most=3)
    peak = of(peaks, "delivered_s").median
    how = s.best_libzmq(wire, s.hows(busy=(False, True)),
                        lambda result: -result["latency_ns"]["p50"], rate=LIGHT)
    s.rows.note("latency", f"libzmq's peak over {wire.name}: {peak / 1e6:.2f} M msg/s ({said(fast)}).")
    found = {}
    for number, (label, rate) in enumerate(labels(peak).items()):
        until = first + (last - first) * (number + 1) / 4
        found[label] = s.runs(lambda rate=rate: run(how, rate=round(rate)), until)
        s.rows.check("latency", f"libzmq, {wire.name} at {label}", found[label])
    curve(s, wire.name, peak, lambda **load: run(how, **load))
    return found, how


def curve(s, key, peak, run):
    rates = [1000, LIGHT, 100000] + [peak * share for share in CURVE_SHARES]
    rates = sorted({round(rate) for rate in rates if rate <= peak * 0.9 + 1})
    points = s.curves.setdefault("latency", {}).setdefault(key, [])
    for rate in rates[:2] if s.quick else rates:
        result = run(rate=rate)
        points.append({"rate": rate, **result["latency_ns"]})


def report(s, label, mine, theirs, peer, floors):
    for who, results in (("zeroline", mine), (peer, theirs)):
        kept = min(result["published_s"] / result["rate"] for result in results)
        if kept < SUSTAINED:
            s.rows.note("latency", f"{who} at {label}: not sustained, only {100 * kept:.0f} % of "
                                   "what was due went out in time.")
    for key in KEYS:
        goal = None
        ns = of(mine, f"latency_ns/{key}")
        limit = {"p50": GOAL_P50_NS, "p99": GOAL_P99_NS}.get(key)
        if limit and floors:
            own = of(floors, f"latency_ns/{key}").median
            goal = f"<= {limit / 1000:.0f} us: " + (
                "met" if ns.median <= limit else
                f"missed; the machine's own is {own / 1000:.1f} us")
        s.rows.add("latency", f"{key} at {label}", "ns", ns, peer, of(theirs, f"latency_ns/{key}"),
                   goal)
