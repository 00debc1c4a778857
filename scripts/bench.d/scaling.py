"""1 to 4 poll cores: nothing is lost, and what more cores bring where there are CPUs for them."""
import os

import appliance
import loads
import stages
from stats import Runs, of

TITLE = "Scaling: 1 to 4 poll cores, 64 B"
CORES = 1, 2, 3, 4
LOADS = {"1 to 1": {"window": 50000}, "4 to 8": {"publishers": 4, "subscribers": 8, "window": 8000},
         "1 to 64": {"subscribers": 64, "window": 2000}}


def measure(s):
    cpus = sorted(os.sched_getaffinity(0))
    spare = cpus[:-1] or cpus  # the load has the last
    counts = CORES[:2] if s.quick else CORES
    if len(spare) < counts[-1]:
        s.rows.note("scaling", f"Poll cores share {len(spare)} CPU(s), so this shows that they are "
                               "correct together and what sharing costs, not how fast they could be; "
                               "where they share they sleep when idle (idle: adaptive).")
    rates = {}
    for at, count in enumerate(counts):
        rates[count] = cores(s, count, spare, at / len(counts), 1 / len(counts))
    for count, by_load in rates.items():
        for load, runs in by_load.items():
            s.rows.add("scaling", f"deliveries {load}, {count} poll core{'s' * (count > 1)}",
                       "msg/s", runs, "1 poll core" if count > 1 else None,
                       rates[1][load] if count > 1 else None)


def cores(s, count, spare, begun, part):
    """Deliveries a second by load."""
    found = {}
    cpus = [spare[i % len(spare)] for i in range(count)]
    idle = "busy" if count <= len(spare) else "adaptive"
    with appliance.Appliance(s.programs, cpus, s.hugepages_mb, idle=idle) as at:
        for number, (name, load) in enumerate(LOADS.items()):
            what = f"{name}, {count} poll cores"
            checked = loads.zeroline(at, s.load_cpu, verify=True, seconds=s.seconds, **load)
            s.rows.check("scaling", what, checked)
            results = s.runs(lambda load=load: loads.zeroline(at, s.load_cpu, seconds=s.seconds,
                                                              **load),
                             begun + part * (number + 1) / (len(LOADS) + 1), most=3)
            found[name] = of(s.rows.check("scaling", what, results), "delivered_s")
        cycles(s, at, count)
    return found


def cycles(s, at, count):
    """Where each core's cycles go, from one more run."""
    name, load = "4 to 8", LOADS["4 to 8"]
    label = f"{name}, {count} core{'s' * (count > 1)}"
    for number, core in enumerate(stages.run(s, at, "scaling", label, **load)):
        if core:
            s.rows.add("scaling", f"core {number} of {count}, cycles a message ({name})", "cycles",
                       Runs([sum(row["per_message"] for row in core)]))
