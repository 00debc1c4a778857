"""A million subscriptions: what they cost in memory, time and at every message, beside libzmq."""
import json

import appliance
import loads
import processes
import programs
from settings import said
from stats import Runs, of, repeat

TITLE = "Subscriptions: 1,000,000 prefixes of 12 to 30 bytes"
MANY, QUICK = 1000000, 20000
SUBSCRIBERS = 4
FEW = 64           # to compare the cost of a match with
RATE = 50000       # of the traffic while others subscribe
WINDOW, ZMQ_WINDOW = 16000, 4000
SIZE = 64
MATCHER_MB = 512
SHAPES = {"random": "each wanted by one", "shared": "each wanted by 10"}
GOAL_MATCH_NS = 100
FAVOUR = 5         # steps of niceness, for control and the host core on the busy load's CPU


def measure(s):
    many = QUICK if s.quick else MANY
    for shape, text in SHAPES.items():
        matches(s, many, shape, text)
    if s.quick:
        s.rows.note("subscriptions", f"Only {many:,} of them, because of --quick.")
    have = {option: programs.knows(s.programs["blast"], option)
            for option in ("--subscriptions", "--subscribe-during")}
    for option, there in have.items():
        if not there:
            s.rows.note("subscriptions", f"Not measured: this zeroline-blast has no {option}.")
    mine = {}
    if have["--subscriptions"]:
        mine.update(ours(s, many))
    if have["--subscribe-during"]:
        mine.update(ours_during(s, many))
    peers = s.wires[:1] if mine else []
    for wire in peers:
        theirs, how = libzmq(s, wire, many)
        for (metric, unit), runs in mine.items():
            s.rows.add("subscriptions", metric, unit, runs, f"libzmq, {wire.name}, {said(how)}",
                       theirs.get((metric, unit)))


def matches(s, many, shape, text):
    """The matcher alone: topics drawn anew from all prefixes, and 64 topics over and over."""
    argv = ["taskset", "-c", str(s.poll_cpu), s.programs["matcher"], "--json", "--shape", shape,
            "--subscriptions", str(many)]
    runs = [{row["metric"]: row["value"] for row in map(json.loads, out.splitlines())}
            for out in (processes.command(*argv) for _ in range(1 if s.quick else 3))]
    for way, drawn in (("cold", "any of them"), ("warm", "64 of them")):
        ns = of(runs, f"matcher_{shape}_match_{way}_in_runs")
        s.rows.add("subscriptions", f"a match, {text}, topics from {drawn}", "ns", ns,
                   goal=f"<= {GOAL_MATCH_NS} ns: "
                   f"{'met' if ns.median <= GOAL_MATCH_NS else 'missed'}")


def fresh(s, hugepages_mb):
    return appliance.Appliance(s.programs, [s.poll_cpu], hugepages_mb, matcher_mb=MATCHER_MB)


def few_runs(s, run, share):
    """Three, or fewer when the time is short: a million takes a while."""
    if s.quick:
        return [run()]
    return repeat(run, 3, 1, s.clock, share)


BYTES = "control's memory a subscription", "B"
RATE_OF = "subscribed, without traffic", "/s"
MESSAGES = "messages, each to one of them", "msg/s"
COST = "the router's part of a message", "ns"
COST_FEW = f"the same with {FEW} subscriptions", "ns"
DURING = "subscribed, with traffic on", "/s"
P99, P99_QUIET = ("p99 of that traffic meanwhile", "ns"), ("p99 of that traffic before", "ns")
BYTES_ALL = "both processes' memory a subscription", "B"


def ours(s, many):
    results = few_runs(s, lambda: once(s, many, s.hugepages_mb), 0.2)
    few = few_runs(s, lambda: once(s, FEW, s.hugepages_mb), 0.3)
    for what, group in ((f"zeroline with {many:,}", results), (f"zeroline with {FEW}", few)):
        s.rows.check("subscriptions", what, group)
    found = {**memory(s, many, results, few), RATE_OF: of(results, "subscribe_s"),
             MESSAGES: of(results, "delivered_s")}
    if all(result["router_ns"] for result in results + few):
        found[COST] = of(results, "router_ns")
        found[COST_FEW] = of(few, "router_ns")
    else:
        s.rows.note("subscriptions", "No cost of a match: `zeroline cores --cycles` gave none.")
    return found


def memory(s, many, results, few):
    """Bytes a subscription, by what is resident."""
    if s.hugepages_mb:  # they are not counted as resident, and are taken whole at the start
        results = [once(s, many, 0)]
        few = [once(s, FEW, 0)]
    traffic = of(few, "all_bytes").median
    s.rows.note("subscriptions", "Memory is the growth of resident memory (VmRSS), without "
                "hugepages: of control since its start, and of control and dataplane together "
                f"beyond what they grow by with {FEW} subscriptions and the same traffic. libzmq's "
                "is that of the zmq_proxy() process since its start, while messages flow.")
    return {BYTES: of(results, "control_bytes").scaled(1 / many),
            BYTES_ALL: Runs((result["all_bytes"] - traffic) / many for result in results)}


def once(s, subscriptions, hugepages_mb):
    """Subscribe, then messages that match one each; memory before and after."""
    with fresh(s, hugepages_mb) as at:
        before = at.control.resident(), at.dataplane.resident()

        def meanwhile():
            return (at.control.resident() - before[0], at.dataplane.resident() - before[1],
                    at.cycles(0.3 if s.quick else 1))

        result = loads.zeroline(at, s.load_cpu, meanwhile, size=SIZE, subscribers=SUBSCRIBERS,
                                subscriptions=subscriptions, window=WINDOW, verify=True,
                                seconds=max(2 * s.seconds, 1.5))
    control, dataplane, cycles = result["meanwhile"]
    return dict(result, control_bytes=control, all_bytes=control + dataplane,
                router_ns=stage_ns(cycles, "router"))


def stage_ns(cores, stage):
    """Nanoseconds a delivered message of the first core in that stage; None if not known."""
    for core in cores or []:
        for row in core["stages"]:
            if row["stage"] == stage and row["per_message"]:
                return row["per_message"] / core["tsc_hz"] * 1e9
    return None


def ours_during(s, many):
    favoured = []

    def run():
        with fresh(s, s.hugepages_mb) as at:
            favoured.append(at.favour_host(s.load_cpu, FAVOUR))
            return loads.zeroline(at, s.load_cpu, size=SIZE, rate=RATE, seconds=s.seconds,
                                  subscribe_during=many)

    found = during(s, "zeroline", few_runs(s, run, 0.5))
    how = (f"{FAVOUR} steps of niceness before it: an appliance would have a CPU for them"
           if all(favoured) else "at its priority, because no other was permitted")
    s.rows.note("subscriptions", "While others subscribe with traffic on, zeroline's control and "
                f"host core share the CPU of a load that never sleeps, {how}. What the load waits "
                "for them meanwhile is part of the latency that it sees.")
    return found


def during(s, what, results):
    s.rows.check("subscriptions", f"{what}, subscribing with traffic on", results)
    return {DURING: of(results, "during/subscribe_s"),
            P99: of(results, "during/latency_ns/p99"),
            P99_QUIET: of(results, "during/quiet_latency_ns/p99")}


def libzmq(s, wire, many):
    """By the same names, and how it was run."""
    how = s.best_libzmq(wire, s.hows(), lambda result: result["delivered_s"], size=SIZE,
                        window=ZMQ_WINDOW)

    def once_zmq(subscriptions):
        with loads.Libzmq(s.programs, wire, how) as proxy:
            before = proxy.proxy.resident()
            result = proxy.load(lambda: proxy.proxy.resident() - before, size=SIZE,
                                subscribers=SUBSCRIBERS, subscriptions=subscriptions,
                                window=ZMQ_WINDOW, verify=True, seconds=2 * s.seconds)
        return result

    results = few_runs(s, lambda: once_zmq(many), 0.65)
    s.rows.check("subscriptions", f"libzmq with {many:,}", results)
    late = few_runs(s, lambda: loads.libzmq(s.programs, wire, how, size=SIZE, rate=RATE,
                                            seconds=s.seconds, subscribe_during=many), 0.8)
    memory = Runs(result["meanwhile"] / many for result in results)
    return {BYTES: memory, BYTES_ALL: memory, RATE_OF: of(results, "subscribe_s"),
            MESSAGES: of(results, "delivered_s"), **during(s, "libzmq", late)}, how
