"""A feed by multicast: received, matched and sent on to another group, all by one poll core, as packets
a second and as a share of 10GbE's line rate for such frames; libzmq's epgm beside it."""
import json
import time

import appliance
import loads
import processes
from failure import Failure
from stats import of

TITLE = "Multicast: a group's feed, one message of 64 B a packet"
SIZE, TOPICS = 64, 16
GROUP, ONWARD, PORT = "239.192.7.1", "239.192.7.2", 7500
LINE_B, LOSE_PERCENT = "239.192.7.3", 5
LINE_SIZES = (SIZE, 256, 1024)
KBITS, RECOVERY_MS = 10_000_000, 50
ZMQ_KBITS = 1_000_000
LINE_BITS = 10e9
WIRE_BYTES = 24    # of a frame, besides what DPDK counts: preamble 8, FCS 4, gap 12
FRAME_MIN = 60     # without the FCS
WARMUP_S = 0.5
SMALL_TPDU = 200   # the least that may be asked for
SETTLE_S = 0.1     # counters are told a hundred times a second


class Bridge(appliance.Appliance):
    """From the group, or two that are sent the same, to the onward group: all on the memif."""

    def __init__(self, s, kind, tpdu=1500, two_lines=False):
        super().__init__(s.programs, [s.poll_cpu], s.hugepages_mb)
        head = self.text[:self.text.index("devices:")]
        self.text = head + (udp_device() if kind == "udp" else pgm_device(kind, tpdu, two_lines))

    def listens(self):
        try:
            status = self.ask_text("status")
        except Failure:
            return False
        return status.count(" listening") + status.count(" connected") == 2


def udp_device():
    return f"""devices:
  - name: bench
    kind: bridge
    frontend: {{type: DISH, bind: ["udp://wire;{GROUP}:{PORT}"], hwm: 0}}
    backend: {{type: RADIO, connect: ["udp://{ONWARD}:{PORT}"], hwm: 0}}
"""


def pgm_device(kind, tpdu, two_lines):
    options = f"rate: {KBITS}, recovery_ivl: {RECOVERY_MS}ms"
    lines, listens = f"wire;{GROUP}:{PORT}", options
    if two_lines:
        lines += f"|wire;{LINE_B}:{PORT}"
        listens += ", pgm_naks: no"
    return f"""devices:
  - name: bench
    kind: forwarder
    frontend: {{connect: ["{kind}://{lines}"], hwm: 0, options: {{{listens}}}}}
    backend:
      bind: ["{kind}://wire;{ONWARD}:{PORT}"]
      hwm: 0
      options: {{{options}, multicast_maxtpdu: {tpdu}}}
"""


def measure(s):
    for kind, tpdu in (("epgm", 1500), ("epgm", SMALL_TPDU), ("pgm", 1500), ("udp", 1500)):
        with Bridge(s, kind, tpdu) as at:
            results = s.runs(lambda at=at, kind=kind: one_run(s, at, kind), most=3)
            label = kind + (f", packets of at most {tpdu} B sent on" if tpdu != 1500 else "")
            s.rows.check("multicast", f"zeroline, {label}", results)
        report(s, label, results)
        if (kind, tpdu) == ("epgm", 1500):
            beside(s, results)
    for size in LINE_SIZES:
        two_lines(s, size)
    s.rows.note("multicast", "The generator (bench-feed) sends one message a packet, of "
                f"{TOPICS} topics in turn, as fast as the memif takes them; it repairs nothing. Delivered: "
                "in order, through the matcher, to the one subscriber, which is another group on the same "
                "memif and takes all: the one core receives and sends at once. PGM packs as many "
                "messages into a packet as fit, as libzmq does.")
    s.rows.note("multicast", "Line rate: packets/s x (frame without FCS, at least "
                f"{FRAME_MIN} B, + {WIRE_BYTES} B of FCS, preamble and gap) x 8 / 10 Gbit/s.")


def two_lines(s, size):
    """The same on two groups, some of it lost on each."""
    with Bridge(s, "epgm", two_lines=True) as at:
        results = s.runs(lambda: one_run(s, at, "epgm", f"--line-b={LINE_B}",
                                         f"--lose={LOSE_PERCENT}", f"--size={size}"), most=3)
    label = f"epgm, two lines, {LOSE_PERCENT} % lost on each"
    label += f", {size} B" if size != SIZE else ""
    s.rows.check("multicast", f"zeroline, {label}", results)
    received = of(results, "received_s")
    frame = max(results[0]["frame_bytes"], FRAME_MIN) + WIRE_BYTES
    s.rows.add("multicast", f"{label}: received", "packets/s", received)
    share = received.scaled(frame * 8 / LINE_BITS * 100)
    s.rows.add("multicast", f"{label}: received, both, of one 10GbE", "%", share,
               goal=">= 100 %: " + ("met" if share.median >= 100 else "missed"))
    s.rows.add("multicast", f"{label}: delivered, in order", "packets/s", of(results, "delivered_s"))
    s.rows.add("multicast", f"{label}: busy, a packet received", "cycles", of(results, "cycles"))
    s.rows.add("multicast", f"{label}: told lost, of 100 packets", "packets",
               of(results, "residual_percent"),
               goal="exactly what neither line brought: " +
               ("met" if all(run["told"] == run["feed"]["lost"] for run in results) else "missed"))


def counters(at):
    return {row["name"]: row["total"] for row in at.ask("stats")}, time.monotonic()


def one_run(s, at, kind, *more):
    for _ in range(loads.WIRE_TRIES - 1):
        try:
            return try_once(s, at, kind, more)
        except Failure as failure:
            at.check()
            if not loads.not_begun(str(failure)):
                raise
        time.sleep(loads.WIRE_PAUSE_S)
    return try_once(s, at, kind, more)


def try_once(s, at, kind, more):
    seconds = s.seconds
    process = processes.Process(
        [s.programs["feed"], f"--size={SIZE}", *more, f"--port={at.wire}", f"--kind={kind}",
         f"--group={GROUP}", f"--heard={ONWARD}", f"--group-port={PORT}", f"--topics={TOPICS}",
         f"--seconds={WARMUP_S + seconds + 1.5}"] + (["--hugepages"] if at.hugepages else []),
        cpus=[s.load_cpu])
    try:
        arrived = "net.udp_rx_datagrams" if kind == "udp" else "pgm.rcv_odata"
        at_start = counters(at)[0]
        start, lost = at_start.get(arrived, 0), at_start.get("pgm.rcv_lost", 0)
        processes.wait_until("packets came", lambda: counters(at)[0].get(arrived, 0) > start + 1000,
                             10, [process])
        time.sleep(WARMUP_S)
        before, begun = counters(at)
        at.cycles(seconds)
        after, ended = counters(at)
        process.wait(WARMUP_S + seconds + 20)
        feed = json.loads(process.said()[0])
        time.sleep(SETTLE_S)
        at_end = counters(at)[0]
    finally:
        process.end()
    came, told = at_end.get(arrived, 0) - start, at_end.get("pgm.rcv_lost", 0) - lost
    # what went out before the memif's other end was there may be lost
    if not more:
        feed["missing"] += max(0, feed["sent"] - feed["early"] - came)
    return dict(result(feed, before, after, ended - begun, kind), told=told,
                lost=0 if told == feed["lost"] else told,
                residual_percent=100 * told / max(1, feed["sent"] - feed["early"]))


def result(feed, before, after, seconds, kind):
    """Rates of the time between the two looks; what the generator counted is of its whole run."""
    def grown(name):
        return after.get(name, 0) - before.get(name, 0)

    # a datagram's message has two parts: its group and its body
    delivered = grown("router.deliveries") / 2 if kind == "udp" else grown("router.deliveries")
    took = grown("net.udp_rx_datagrams") if kind == "udp" else grown("pgm.rcv_odata")
    sent = grown("net.udp_tx_datagrams") if kind == "udp" else grown("pgm.src_odata")
    frames = grown("net.eth_tx_frames")
    busy = sum(grown(name) for name in after
               if name.startswith("cycles.") and name != "cycles.idle")
    counted = grown("counted.frames_in")
    return {"delivered_s": delivered / seconds, "received_s": took / seconds,
            "sent_s": sent / seconds, "frame_bytes": feed["frame_bytes"],
            "sent_wire_bits_s": (grown("net.eth_tx_bytes") + WIRE_BYTES * frames) * 8 / seconds,
            "missing": feed["missing"], "feed": feed,
            "cycles": busy / counted if counted else 0}


def report(s, label, results):
    delivered = of(results, "delivered_s")
    frame = max(results[0]["frame_bytes"], FRAME_MIN) + WIRE_BYTES
    share = delivered.scaled(frame * 8 / LINE_BITS * 100)
    s.rows.add("multicast", f"{label}: received and delivered", "packets/s", delivered)
    s.rows.add("multicast", f"{label}: of 10GbE ({LINE_BITS / 8 / frame / 1e6:.2f} M/s)", "%", share,
               goal=">= 100 %: " + ("met" if share.median >= 100 else "missed"))
    s.rows.add("multicast", f"{label}: busy, a packet", "cycles", of(results, "cycles"))
    s.rows.add("multicast", f"{label}: sent on", "packets/s", of(results, "sent_s"))
    s.rows.add("multicast", f"{label}: sent on, of 10GbE by their own length", "%",
               of(results, "sent_wire_bits_s").scaled(100 / LINE_BITS))


def beside(s, results):
    """libzmq's PUB to libzmq's SUB by OpenPGM, on a veth pair."""
    wire = next((wire for wire in s.wires if wire.name == "veth"), None)
    if not wire:
        return
    theirs = s.runs(lambda: libzmq(s, wire), most=3)
    s.rows.add("multicast", f"epgm: messages of {SIZE} B delivered", "msg/s",
               of(results, "delivered_s"), "libzmq/OpenPGM, veth", of(theirs, "delivered_s"))
    s.rows.note("multicast", "libzmq's is a PUB and a SUB without a device between them, on a CPU each; "
                "its PUB packs some 20 such messages into a packet, so that its SUB is asked for "
                "fewer packets than Zeroline is. What its PUB drops at its HWM is not counted.")


def libzmq(s, wire):
    seconds = s.seconds + 1

    def start(what, address, netns, cpu, *more):
        return processes.Process(
            [s.programs["zmq_feed"], what, f"epgm://{address};{GROUP}:{PORT}", str(seconds),
             str(ZMQ_KBITS), *more], cpus=[cpu], netns=netns)

    taker = start("subscribe", "10.9.1.2", wire.load_netns, s.load_cpu)
    try:
        time.sleep(0.3)
        giver = start("publish", "10.9.1.1", wire.proxy_netns, s.poll_cpu, str(SIZE), str(TOPICS))
        try:
            for process in (giver, taker):
                if process.wait(seconds + 20):
                    raise Failure(f"{process.name}: {process.complaint()}")
            got = json.loads(taker.said()[0])
        finally:
            giver.end()
    finally:
        taker.end()
    return {"delivered_s": got["messages"] / got["seconds"] if got["seconds"] else 0}
