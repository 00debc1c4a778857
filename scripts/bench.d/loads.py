"""One load on one device: zeroline-blast on the appliance, bench-zmq-blast on zmq_proxy()."""
import json
import time

import appliance
import processes
import wires
from failure import Failure

CONNECT_S = 90
LOOK_S = 0.05
WIRE_TRIES, WIRE_PAUSE_S = 5, 0.5


def options_of(load):
    """{"size": 64, "verify": True} as options."""
    argv = []
    for key, value in load.items():
        name = "--" + key.replace("_", "-")
        if value is True:
            argv.append(name)
        elif value not in (None, False):
            argv.append(f"{name}={value}")
    return argv


def outcome(process, seconds):
    """The JSON of a load that has come to its end; its status is in ["status"]."""
    status = process.wait(seconds)
    out, _ = process.said()
    if not out.strip().startswith("{"):
        raise Failure(f"{process.name} {' '.join(process.argv[1:])}: {process.complaint()}")
    result = json.loads(out)
    result["status"] = status
    return result


def allowed(load):
    return load.get("seconds", 5) + load.get("warmup", 0.5) + CONNECT_S


def zeroline(at, cpu, meanwhile=None, **load):
    """Through that appliance, from that CPU. meanwhile() is called when messages go through; what
    it returns is in ["meanwhile"]."""
    for _ in range(WIRE_TRIES - 1):
        try:
            return zeroline_once(at, cpu, meanwhile, load)
        except Failure as failure:
            at.check()
            if not not_begun(str(failure)):
                raise
        time.sleep(WIRE_PAUSE_S)
    return zeroline_once(at, cpu, meanwhile, load)


def not_begun(complaint):
    """The appliance has not noticed yet that the load before has left the memif; or strangers had
    all places for half-open peers, after which libzmq would come again, too."""
    return "start refused" in complaint or (
        "ended before messages came" in complaint and "reset_by_peer" in complaint)


def zeroline_once(at, cpu, meanwhile, load):
    argv = [at.programs["blast"], "--port", at.wire, "--address", appliance.LOAD_ADDRESS,
            "--publish-to", f"{appliance.ADDRESS}:{appliance.FRONTEND}",
            "--subscribe-to", f"{appliance.ADDRESS}:{appliance.BACKEND}", "--busy", "--json"]
    if at.hugepages:
        argv.append("--hugepages")
    before = messages_out(at) if meanwhile else 0
    process = processes.Process(argv + options_of(load), cpus=[cpu])
    try:
        if not meanwhile:
            return outcome(process, allowed(load))
        processes.wait_until("messages came through", lambda: messages_out(at) > before + 100,
                             allowed(load), [process])
        seen = meanwhile()
        return dict(outcome(process, allowed(load)), meanwhile=seen)
    finally:
        process.end()


def messages_out(at):
    return sum(core["msgs_out"] for core in at.ask("cores"))


class Libzmq:
    """zmq_proxy() on a wire, with `with`. how: {"cpus": ((proxy's), (load's)) or None, ...}."""

    def __init__(self, programs, wire, how, hwm=0, pattern="pubsub"):
        self.programs, self.wire, self.how, self.hwm = programs, wire, how, hwm
        self.pattern = pattern

    def __enter__(self):
        argv = [self.programs["zmq_proxy"], "--frontend", wires.endpoint(self.wire, 0),
                "--backend", wires.endpoint(self.wire, 1), "--hwm", str(self.hwm),
                "--pattern", self.pattern]
        cpus = self.how["cpus"]
        self.proxy = processes.Process(argv, cpus=cpus and cpus[0], netns=self.wire.proxy_netns)
        return self

    def __exit__(self, *_):
        self.proxy.end()

    def load(self, meanwhile=None, **load):
        """meanwhile() is called again and again; what it returned last is in ["meanwhile"]."""
        argv = [self.programs["zmq_blast"], "--publish-to", wires.endpoint(self.wire, 0),
                "--subscribe-to", wires.endpoint(self.wire, 1), "--json"]
        if self.how["busy"]:
            argv.append("--busy")
        cpus = self.how["cpus"]
        process = processes.Process(argv + options_of(load), cpus=cpus and cpus[1],
                                    netns=self.wire.load_netns)
        try:
            if not meanwhile:
                return outcome(process, allowed(load))
            seen = meanwhile()
            while process.running():
                seen = meanwhile()
                time.sleep(LOOK_S)
            return dict(outcome(process, allowed(load)), meanwhile=seen)
        finally:
            process.end()


def libzmq(programs, wire, how, hwm=0, **load):
    """One run through a fresh proxy."""
    with Libzmq(programs, wire, how, hwm, load.get("pattern", "pubsub")) as proxy:
        return proxy.load(**load)
