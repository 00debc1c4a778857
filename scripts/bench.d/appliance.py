"""The appliance under load: both processes, one device, memif as the wire."""
import json
import os
import shutil
import tempfile

import processes
from failure import Failure

START_S = 30
ADDRESS, LOAD_ADDRESS = "10.9.0.1", "10.9.0.2/24"
FRONTEND, BACKEND = 5555, 5556


# A load is one address, and more peers than a stranger may have half open.
PEERS_AN_ADDRESS = 1024


def configuration(folder, kind, cpus, idle, hwm, sndbuf, matcher_mb, half_open, pages, megabytes):
    more = f", sndbuf: {sndbuf}" if sndbuf else ""
    return f"""cores: {{poll: {len(cpus)}, cpus: {json.dumps(cpus)}, idle: {idle}}}
memory: {{hugepages: {pages}, megabytes: {megabytes}}}
limits: {{matcher_megabytes: {matcher_mb}, half_open_an_address: {half_open}}}
ports:
  - {{name: wire, kind: memif, device: {folder}/wire.sock, options: role=server, address: {ADDRESS}/24}}
devices:
  - name: bench
    kind: {kind}
    frontend: {{bind: ["tcp://wire:{FRONTEND}"], hwm: {hwm}{more}}}
    backend: {{bind: ["tcp://wire:{BACKEND}"], hwm: {hwm}{more}}}
"""


class Appliance:
    """Use it with `with`. Poll core i is on cpus[i]."""

    def __init__(self, programs, cpus, hugepages_mb=0, hwm=0, sndbuf=None, matcher_mb=64,
                 megabytes=1024, idle="busy", kind="forwarder", half_open=PEERS_AN_ADDRESS):
        self.programs = programs
        self.started = []
        # what control shares of the dataplane's hugepages the load needs, too
        self.hugepages = hugepages_mb >= megabytes + 256
        self.folder = tempfile.mkdtemp(prefix="zeroline-bench-")
        self.text = configuration(self.folder, kind, cpus, idle, hwm, sndbuf, matcher_mb, half_open,
                                  "yes" if self.hugepages else "no", megabytes)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        config = os.path.join(self.folder, "zeroline.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(self.text)
        self.dataplane = self.process("dataplane", "--run-dir", self.folder)
        self.control = self.process("control", "--config", config, "--run-dir", self.folder)
        processes.wait_until("the device listened", self.listens, START_S, self.started)

    def process(self, name, *arguments):
        process = processes.Process([self.programs[name], *arguments])
        self.started.append(process)
        return process

    def favour_host(self, cpu, steps):
        """Control and the host core (the dataplane's first thread) to that CPU, so many steps
        of niceness before a load that is busy there. False: not allowed to."""
        try:
            for process in (self.control, self.dataplane):
                os.sched_setaffinity(process.pid, {cpu})
                os.setpriority(os.PRIO_PROCESS, process.pid, os.nice(0) - steps)
        except PermissionError:
            return False
        return True

    def check(self):
        """Failure if one of the processes has ended by itself."""
        for process in self.started:
            if not process.running():
                raise Failure(f"{process.name} ended by itself with {process.popen.returncode}: "
                              f"{process.complaint()}")

    def listens(self):
        try:
            return self.ask_text("status").count(" listening") == 2
        except Failure:
            return False

    def ask_text(self, *arguments):
        return processes.command(self.programs["zeroline"], "--run-dir", self.folder, *arguments)

    def ask(self, *arguments):
        """What the command line answers with --json."""
        return json.loads(self.ask_text(*arguments, "--json"))

    def cycles(self, seconds):
        """Where the cores' cycles go; None if this appliance does not count them."""
        try:
            return self.ask("cores", "--cycles", "--for", str(seconds))["cores"]
        except Failure:
            return None

    def counter(self, name):
        """A counter's total, or None."""
        return next((row["total"] for row in self.ask("stats") if row["name"] == name), None)

    @property
    def wire(self):
        return f"memif:{self.folder}/wire.sock"

    def stop(self):
        for process in reversed(self.started):
            process.end()
        self.started = []
        shutil.rmtree(self.folder, ignore_errors=True)
