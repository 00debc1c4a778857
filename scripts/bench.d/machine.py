"""The machine: what it is, which of its CPUs do what, and hugepages for the time of a run."""
import json
import os
import platform
import subprocess

import processes
from failure import Failure

HUGEPAGES_MB = 2048
SPARE_MB = 3072  # of free memory that is left alone


def meminfo():
    with open("/proc/meminfo", encoding="ascii") as file:
        return {line.split(":")[0]: int(line.split()[1]) for line in file}


def cpus():
    """(the poll core's, the load's)."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


def cpu_model():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def asked(*argv):
    """One line of a program, or "unknown": for what is only told."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    lines = done.stdout.strip().splitlines()
    return lines[0] if done.returncode == 0 and lines else "unknown"


def commit(root):
    head = asked("git", "-C", root, "rev-parse", "--short=12", "HEAD")
    changed = asked("git", "-C", root, "status", "--porcelain", "--untracked-files=no")
    return head if changed == "unknown" else f"{head} with changes"


def facts(root, pages):
    first, last = cpus()
    memory = meminfo()
    return {
        "cpu": cpu_model(),
        "cpus": len(os.sched_getaffinity(0)),
        "poll_cpu": first,
        "load_cpu": last,
        "hypervisor": asked("sh", "-c", "lscpu | sed -n 's/^Hypervisor vendor: *//p'"),
        "memory_mb": memory["MemTotal"] // 1024,
        "hugepages_mb": pages,
        "kernel": platform.release(),
        "dpdk": asked("pkg-config", "--modversion", "libdpdk"),
        "libzmq": asked("dpkg-query", "-W", "-f", "${Version}", "libzmq5"),
        "commit": commit(root),
        "load_average": os.getloadavg()[0],
    }


def noise(program, cpu, when):
    """What a core that only spins gets of this machine just now, in words."""
    seen = json.loads(processes.command("taskset", "-c", str(cpu), program))
    return (f"The machine {when} this: CPU {cpu} does {seen['additions_s'] / 1e9:.2f} G dependent "
            f"additions/s; a program that only spins on it is kept waiting for "
            f"{100 * seen['away']:.1f} % of the time, {seen['over_20us_s']:.0f} times a second for "
            f"more than 20 us, {seen['longest_us'] / 1000:.1f} ms at the longest.")


def floor(program, one_cpu, other_cpu, rate, seconds):
    """Latencies of two threads that only pass a counter to and fro, as a load's result has them."""
    return {"latency_ns": json.loads(processes.command(
        program, str(one_cpu), str(other_cpu), str(seconds), str(rate)))}


class Hugepages:
    """Reserves what is missing and gives it back; free_mb is what there is to use."""

    path = "/proc/sys/vm/nr_hugepages"

    def __init__(self, wanted):
        self.before = None
        self.mounted = False
        self.free_mb = 0
        if wanted:
            self.reserve()

    def reserve(self):
        memory = meminfo()
        size = memory.get("Hugepagesize", 0)
        if not size:
            return
        missing = HUGEPAGES_MB * 1024 // size - memory["HugePages_Free"]
        if missing > 0 and memory["MemAvailable"] > (HUGEPAGES_MB + SPARE_MB) * 1024:
            self.before = memory["HugePages_Total"]
            self.write(self.before + missing)
        memory = meminfo()
        self.free_mb = memory["HugePages_Free"] * size // 1024
        if self.free_mb:
            self.mount()

    def write(self, pages):
        try:
            with open(self.path, "w", encoding="ascii") as file:
                file.write(str(pages))
        except OSError:
            self.before = None

    def mount(self):
        with open("/proc/mounts", encoding="utf-8") as file:
            if any(line.split()[2] == "hugetlbfs" for line in file):
                return
        try:
            os.makedirs("/dev/hugepages", exist_ok=True)
            processes.command("mount", "-t", "hugetlbfs", "none", "/dev/hugepages")
            self.mounted = True
        except (Failure, OSError):
            self.give_back()
            self.free_mb = 0

    def give_back(self):
        if self.mounted:
            self.mounted = False
            try:
                processes.command("umount", "/dev/hugepages")
            except Failure as failure:
                print(f"bench: {failure}")
        if self.before is not None:
            self.write(self.before)
            self.before = None
