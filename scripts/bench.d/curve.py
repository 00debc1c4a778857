"""CURVE: a forwarder that opens and seals every message, handshakes, and what a box costs."""
import json
import os

import appliance
import loads
import processes
import wires
from settings import said
from stats import Runs, of

TITLE = "CURVE: one publisher to one subscriber, and handshakes"
# bytes, and messages ahead of the subscriber
STEPS = (64, 10000), (1024, 4000), (65536, 200)
AT_ONCE = 16  # handshakes
GOAL_RATE, GOAL_HANDSHAKES = 3, 2
# a pair that is in libzmq's own examples, and guards nothing
PUBLIC = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
SECRET = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"

MEANING = ("Both on the kernel's TCP over loopback, with one load: all messages are sealed before the "
           "first is sent, and what comes is counted by its bytes, so that the device is what is "
           "measured. Both ends of the device are CURVE servers: it opens and seals each message. "
           "Handshakes are those of a client that works out only what each server key makes it, "
           f"{AT_ONCE} at once.")


def measure(s):
    s.rows.note("curve", MEANING)
    steps = STEPS[:1] if s.quick else STEPS
    for at, (size, window) in enumerate(steps):
        mine = ours(s, (at + 0.4) / (len(steps) + 1), size=size, window=window, seconds=s.seconds)
        theirs, how = peers(s, (at + 1) / (len(steps) + 1), "delivered_s", size=size,
                            window=window, seconds=s.seconds)
        report(s, f"messages, {size:,} B", "msg/s", of(mine, "delivered_s"),
               of(theirs, "delivered_s"), how, GOAL_RATE)
        if not s.quick:
            s.rows.add("curve", f"payload, {size:,} B", "bit/s",
                       of(mine, "delivered_s").scaled(8 * size))
    load = {"handshakes": True, "window": AT_ONCE, "seconds": s.seconds}
    mine = ours(s, 0.85, **load)
    theirs, how = peers(s, 0.95, "handshakes_s", **load)
    report(s, "handshakes", "/s", of(mine, "handshakes_s"), of(theirs, "handshakes_s"), how,
           GOAL_HANDSHAKES)
    boxes(s)


def report(s, metric, unit, mine, theirs, how, goal):
    ratio = mine.median / theirs.median if theirs.median else 0
    s.rows.add("curve", metric, unit, mine, f"libzmq, loopback, {said(how)}", theirs,
               f">= {goal} x libzmq: {'met' if ratio >= goal else 'missed'}")


def configuration(folder):
    key = os.path.join(folder, "own.cert_secret")
    with open(key, "w", encoding="ascii") as file:
        file.write(f'curve\n    public-key = "{PUBLIC}"\n    secret-key = "{SECRET}"\n')
    side = ("{{bind: [\"tcp://127.0.0.1:{}\"], hwm: 0, security: {{mechanism: curve, role: server, "
            "secret_key: " + key + ", allow: any}}}}")
    return f"""cores: {{poll: 1, idle: adaptive}}
memory: {{hugepages: no, megabytes: 1024}}
devices:
  - name: bench
    kind: forwarder
    frontend: {side.format(appliance.FRONTEND)}
    backend: {side.format(appliance.BACKEND)}
"""


def load_of(s, where, cpu, **load):
    """One run of the load against the device at these two ports."""
    argv = [s.programs["curve_blast"], "--server-key", PUBLIC, "--publish-to", where[0]]
    if "handshakes" not in load:
        argv += ["--subscribe-to", where[1]]
    process = processes.Process(argv + loads.options_of(load), cpus=cpu)
    try:
        return loads.outcome(process, 60)
    finally:
        process.end()


def ours(s, until, **load):
    at = appliance.Appliance(s.programs, [s.poll_cpu])
    at.text = configuration(at.folder)
    where = [f"127.0.0.1:{port}" for port in (appliance.FRONTEND, appliance.BACKEND)]
    with at:
        for process in at.started:
            for thread in os.listdir(f"/proc/{process.pid}/task"):
                os.sched_setaffinity(int(thread), {s.poll_cpu})
        if "handshakes" not in load:
            s.rows.check("curve", f"zeroline, {load['size']} B, verified",
                         load_of(s, where, [s.load_cpu], verify=True, **load))
        results = s.runs(lambda: load_of(s, where, [s.load_cpu], **load), until)
    return s.rows.check("curve", "zeroline", results)


class Proxy(loads.Libzmq):
    def __enter__(self):
        argv = [self.programs["zmq_proxy"], "--frontend", wires.endpoint(self.wire, 0),
                "--backend", wires.endpoint(self.wire, 1), "--hwm", "0", "--curve-secret", SECRET]
        cpus = self.how["cpus"]
        self.proxy = processes.Process(argv, cpus=cpus and cpus[0])
        return self


def peers(s, until, better, **load):
    wire = s.wires[0]
    where = [wires.endpoint(wire, side).split("//")[1] for side in (0, 1)]

    def run(how, **load):
        with Proxy(s.programs, wire, how):
            return load_of(s, where, how["cpus"] and how["cpus"][1], **load)

    hows = s.hows()
    tried = [(run(how, **dict(load, seconds=0.3))[better], how) for how in hows]
    how = max(tried, key=lambda pair: pair[0])[1]
    results = s.runs(lambda: run(how, **load), until)
    return s.rows.check("curve", "libzmq", results), how


def boxes(s):
    for row in json.loads(processes.command("taskset", "-c", str(s.poll_cpu), s.programs["box"])):
        for what in ("seal", "open"):
            s.rows.add("curve", f"to {what} a box of {row['size']:,} B", "ns",
                       Runs([row[f"{what}_ns"]]), "libsodium's crypto_box",
                       Runs([row[f"libsodium_{what}_ns"]]))
