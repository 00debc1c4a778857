"""Requests through a queue, and their replies back: how many a second, and how soon. (The
measurement is called queue; a module of that name would stand before Python's own.)"""
import appliance
import dealt
import loads
from settings import said
from stats import of

TITLE = "Queue: DEALERs ask, REPs reply"
# requests that may be outstanding, through Zeroline and through libzmq
STEPS = (({"size": 64}, 10000, 2000), ({"size": 64, "publishers": 8, "subscribers": 8}, 10000, 2000),
         ({"size": 1024}, 4000, 1000))
PARTS = 5  # of a round trip: identity, empty, request down; empty, reply up
SIZES = 64, 1024  # one outstanding
RATES_SHARE = 0.75

MEANING = ("Requesters are DEALERs that send what a REQ sends and await many replies at a time; a "
           "round trip is a request to one of the REPs, dealt out in turn, and its reply back along "
           "the envelope. Cycles are a round trip's: two messages in and out.")


def measure(s):
    steps = [(dict(load, pattern="reqrep"), *windows) for load, *windows in STEPS]
    s.rows.note("queue", MEANING)
    dealt.rates(s, "queue", "round trips", "/s", steps[:1] if s.quick else steps, RATES_SHARE, PARTS)
    sizes = SIZES[:1] if s.quick else SIZES
    for at, size in enumerate(sizes):
        begun = RATES_SHARE + (1 - RATES_SHARE) * at / len(sizes)
        alone(s, size, begun, (1 - RATES_SHARE) / len(sizes))


def alone(s, size, begun, share):
    """Latency with one request outstanding: both sides spin or sleep, whichever is sooner."""
    load = {"pattern": "reqrep", "size": size, "window": 1}
    with appliance.Appliance(s.programs, [s.poll_cpu], s.hugepages_mb, kind="queue") as at:
        s.rows.check("queue", f"zeroline, one outstanding, {size} B, verified",
                     loads.zeroline(at, s.load_cpu, verify=True, seconds=s.seconds, **load))
        mine = s.runs(lambda: loads.zeroline(at, s.load_cpu, seconds=s.seconds, **load),
                      begun + share * dealt.OURS)
        s.rows.check("queue", f"zeroline, one outstanding, {size} B", mine)
    for number, wire in enumerate(s.wires):
        until = begun + share * (dealt.OURS +
                                 (1 - dealt.OURS) * (number + 1) / len(s.wires))
        how = s.best_libzmq(wire, s.hows(busy=(False, True)),
                            lambda result: -result["latency_ns"]["p50"], **load)
        theirs = s.runs(lambda: loads.libzmq(s.programs, wire, how, seconds=s.seconds, **load),
                        until)
        s.rows.check("queue", f"libzmq, {wire.name}, one outstanding, {size} B", theirs)
        for key in ("p50", "p99"):
            s.rows.add("queue", f"{key} of one round trip, {dealt.label(load)}", "ns",
                       of(mine, f"latency_ns/{key}"), f"libzmq, {wire.name}, {said(how)}",
                       of(theirs, f"latency_ns/{key}"))
