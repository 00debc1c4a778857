"""Strangers: what 10,000 half-open and 10,000 garbage handshakes take from a forwarder and from
whoever connects meanwhile."""
import math
import os
import time

import appliance
import curve
import loads
import processes
import wires
from failure import Failure
from stats import Runs, of

TITLE = "Strangers: 10,000 half-open and 10,000 garbage handshakes beside a forwarder"
STRANGERS = 10000  # of either kind
RATE = 10000       # connects a second, until each has come once
AGAIN = 1000       # then: who has been closed comes again
SIZE, WINDOW = 64, 100000
CURVE_SIZE, CURVE_WINDOW = 1024, 4000
SECONDS = 4
CLIENTS = 20       # in a run
GOAL_RATE, GOAL_MS = 0.95, 1000
PORT_IP, PEER_IP = "10.98.0.1", "10.98.0.2"
MANY_NET, MANY_IP = "10.97.0.0/16", "10.97.0.1"
LOCAL_MANY_IP = "127.1.0.1"
NOBODY = "127.0.0.1:9"

MEANING = (f"From {STRANGERS:,} addresses, {STRANGERS:,} peers that connect and say nothing, or half of a handshake, and "
           f"{STRANGERS:,} that say what makes no sense, {RATE:,} a second; then, while messages are "
           f"counted, whoever has been refused or closed comes again, {AGAIN:,} a second. A run beside them stands between two beside the same flood "
           "at a port where nobody listens, so that what the flood itself takes of the machine is in "
           "both, and is compared with their geometric mean. Who accepts strangers makes more work for "
           "their own kernel than a closed port does, though, on the CPU that they share with the "
           "load: as many messages as there can be show that as well, half as many do not. Clients are libzmq's, from an address of "
           "their own, one after the other: from connect to the end of the handshake.")


def measure(s):
    s.rows.note("strangers", MEANING)
    with Wire(s.load_cpu) as wire:
        most = compare(s, "NULL", 0.4, lambda flood: on_our_stack(s, wire, flood))
        half = round(most / 2)
        compare(s, f"NULL, {half / 1e6:.3g} M msg/s offered", 0.7,
                lambda flood: on_our_stack(s, wire, flood, rate=half))
    compare(s, "CURVE", 1, lambda flood: on_curve(s, flood))


def seconds_of(s):
    return 2 if s.quick else SECONDS


def compare(s, what, until, run):
    """run(flood): one run, beside strangers or beside the same flood at nobody. Returns how many
    messages went through without strangers."""
    found = {False: [], True: [], "again": []}

    def three():
        for flood in found:
            found[flood].append(run(flood is True))

    s.runs(three, until)
    ratio = Runs(mine / math.sqrt(before * after) for before, mine, after in zip(
        *(of(results, "delivered_s").values for results in found.values())) if before * after)
    s.rows.add("strangers", f"messages, {what}: with / without", "", ratio,
               goal=f">= {GOAL_RATE}: {met(ratio.median >= GOAL_RATE)}")
    for flood, words in ((False, "without"), (True, "with")):
        s.rows.check("strangers", f"zeroline, {what}, {words} strangers", found[flood])
        s.rows.add("strangers", f"messages, {what}: {words} strangers", "msg/s",
                   of(found[flood], "delivered_s"))
        s.rows.add("strangers", f"a client is in, {what}, {words} strangers: p50", "ms",
                   of(found[flood], "meanwhile/p50_ms"))
        slowest = of(found[flood], "meanwhile/max_ms")
        s.rows.add("strangers", f"a client is in, {what}, {words} strangers: max", "ms", slowest,
                   goal=f"<= {GOAL_MS}: {met(max(slowest.values) <= GOAL_MS)}" if flood else None)
    last = found[True][-1]["strangers"]
    s.rows.note("strangers", f"{what}, the last run: of {last['tried']:,} connects of strangers "
                f"{last['refused'] + last['closed']:,} were refused or closed, and {last['held']:,} "
                "were half open at its end.")
    return of(found[False], "delivered_s").median


def met(yes):
    return "met" if yes else "missed"


class Flood:
    """With `with`: each of them has come once; what became of all is in .result then."""

    def __init__(self, s, to, first, came=None, netns=None, demands_curve=False):
        argv = [s.programs["flood"], "--to", to, "--from", first, "--sources", str(STRANGERS),
                "--half-open", str(STRANGERS), "--garbage", str(STRANGERS), "--again",
                "--rate", str(RATE), "--then", str(AGAIN)]
        if demands_curve:
            argv.append("--curve")
        self.argv, self.cpus, self.netns = argv, [s.load_cpu], netns
        self.came, self.result = came, None

    def __enter__(self):
        self.process = processes.Process(self.argv, self.cpus, self.netns)
        try:
            if self.came:
                processes.wait_until("all strangers came", lambda: self.came() >= 1.9 * STRANGERS,
                                     60, [self.process])
            else:
                time.sleep(2 * STRANGERS / RATE)
        except BaseException:
            self.process.end()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.process.popen.terminate()
            self.result = loads.outcome(self.process, processes.END_S)
        finally:
            self.process.end()


def came(at):
    """How many strangers this appliance has met."""
    return sum(at.counter(f"core.{name}") or 0 for name in
               ("streams_accepted", "drop_half_open", "drop_half_open_address"))


def knock(s, to, netns=None, key=None):
    """How long clients take."""
    argv = [s.programs["knock"], "--to", f"tcp://{to}", "--count", str(CLIENTS),
            "--every", str(900 * seconds_of(s) // CLIENTS), "--seconds", str(0.9 * seconds_of(s))]
    if key:
        argv += ["--server-key", key]
    process = processes.Process(argv, cpus=[s.load_cpu], netns=netns)
    try:
        return loads.outcome(process, 60)
    finally:
        process.end()


class Wire:
    """A namespace for strangers, and one for the appliance, whose second port leads there: a veth
    by its packet socket, which is read without a system call. (A tap sends its reader a signal
    with each frame, which can cost more than what the frame is about.)"""

    def __init__(self, load_cpu):
        self.load_cpu = load_cpu

    def __enter__(self):
        self.netns, self.port_netns = (f"zlbench{os.getpid()}{end}" for end in "sa")
        self.made = []
        try:
            self.join()
        except BaseException:
            self.__exit__()
            raise
        return self

    def join(self):
        for netns in (self.netns, self.port_netns):
            wires.add_netns(self, netns)
        processes.command("ip", "-n", self.netns, "link", "add", "zlout", "type", "veth", "peer",
                          "name", "zlout", "netns", self.port_netns)
        for netns in (self.netns, self.port_netns):
            processes.command("ip", "-n", netns, "link", "set", "zlout", "up")
            processes.command("ip", "netns", "exec", netns, "ethtool", "-K", "zlout", "tx", "off",
                              "tso", "off", "gso", "off", "gro", "off")
        processes.command("ip", "-n", self.netns, "addr", "add", f"{PEER_IP}/24", "dev", "zlout")
        processes.command("ip", "-n", self.netns, "route", "add", "local", MANY_NET, "dev", "lo")
        # what the strangers' own kernel does is not to be done on the poll core's CPU
        processes.command("ip", "netns", "exec", self.netns, "sh", "-c",
                          f"echo {1 << self.load_cpu:x} >/sys/class/net/zlout/queues/rx-0/rps_cpus")

    def __exit__(self, *_):
        for name in self.made:
            wires.remove_netns(name)
        self.made = []


class Open(appliance.Appliance):
    """The appliance with a port for strangers, in that namespace."""

    def __init__(self, s, wire):
        super().__init__(s.programs, [s.poll_cpu], s.hugepages_mb)
        self.netns = wire.port_netns
        self.text = self.text.replace(
            "devices:\n", f"  - {{name: out, kind: af_packet, device: zlout, address: {PORT_IP}/24, "
            f"gateway: {PEER_IP}}}\ndevices:\n").replace(
            f'"tcp://wire:{appliance.BACKEND}"',
            f'"tcp://wire:{appliance.BACKEND}", "tcp://out:{appliance.BACKEND}"')

    def process(self, name, *arguments):
        process = processes.Process([self.programs[name], *arguments], netns=self.netns)
        self.started.append(process)
        return process

    def listens(self):
        try:
            return self.ask_text("status").count(" listening") == 3
        except Failure:
            return False


def on_our_stack(s, wire, flood, **load):
    to = f"{PORT_IP}:{appliance.BACKEND}"
    with Open(s, wire) as at:
        at.favour_host(s.load_cpu, 10)
        with Flood(s, to if flood else NOBODY, MANY_IP if flood else LOCAL_MANY_IP,
                   flood and (lambda: came(at)), wire.netns) as strangers:
            result = loads.zeroline(at, s.load_cpu, lambda: knock(s, to, wire.netns), size=SIZE,
                                    window=WINDOW, seconds=seconds_of(s), **load)
    return dict(result, strangers=strangers.result)


def on_curve(s, flood):
    """On the kernel's TCP, as curve.py has it."""
    at = appliance.Appliance(s.programs, [s.poll_cpu])
    at.text = curve.configuration(at.folder)
    where = [f"127.0.0.1:{port}" for port in (appliance.FRONTEND, appliance.BACKEND)]
    load = {"size": CURVE_SIZE, "window": CURVE_WINDOW, "seconds": seconds_of(s)}
    argv = [s.programs["curve_blast"], "--server-key", curve.PUBLIC, "--publish-to", where[0],
            "--subscribe-to", where[1]] + loads.options_of(load)
    with at:
        for process in at.started:
            for thread in os.listdir(f"/proc/{process.pid}/task"):
                os.sched_setaffinity(int(thread), {s.poll_cpu})
        with Flood(s, where[1] if flood else NOBODY, LOCAL_MANY_IP, flood and (lambda: came(at)),
                   demands_curve=True) as strangers:
            process = processes.Process(argv, cpus=[s.load_cpu])
            try:
                seen = knock(s, where[1], key=curve.PUBLIC)
                result = loads.outcome(process, 60)
            finally:
                process.end()
    return dict(result, meanwhile=seen, strangers=strangers.result)
