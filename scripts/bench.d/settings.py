"""What every measurement is given."""
from dataclasses import dataclass, field

import loads
import machine
from stats import Clock, Rows, repeat


@dataclass
class Settings:
    programs: dict
    quick: bool
    hugepages_mb: int
    wires: list
    rows: Rows
    seconds: float = 1.0     # of a run, measured
    clock: Clock = None
    curves: dict = field(default_factory=dict)  # for the plots

    @property
    def poll_cpu(self):
        return machine.cpus()[0]

    @property
    def load_cpu(self):
        return machine.cpus()[1]

    def runs(self, run, share=1.0, most=5):
        """run() several times; `share` of the time is to be used by then."""
        if self.quick:
            return [run()]
        return repeat(run, most, 3, self.clock, share)

    def hows(self, busy=(False,)):
        """Ways to run libzmq: pinned as Zeroline is, or wherever the kernel likes."""
        pins = ((self.poll_cpu,), (self.load_cpu,)), None
        return [{"cpus": cpus, "busy": spin} for cpus in pins for spin in busy]

    def best_libzmq(self, wire, hows, better, **load):
        """The way in which libzmq does best by a short run of that load; how to say it."""
        load = dict(load, seconds=0.2 if self.quick else 0.5, warmup=0.2)
        tried = [(better(loads.libzmq(self.programs, wire, how, **load)), how) for how in hows]
        return max(tried, key=lambda pair: pair[0])[1]


def said(how):
    return ("pinned" if how["cpus"] else "unpinned") + (", spinning" if how["busy"] else "")
