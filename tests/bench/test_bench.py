#!/usr/bin/python3
"""scripts/bench from one end to the other, in its shortest form: what it writes has the promised
shape, and nothing is left behind. No figure is judged here. Usage: test_bench.py BUILD-FOLDER."""
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCH = os.path.join(ROOT, "scripts", "bench")
KEYS = {"name", "metric", "value", "unit", "peer", "peer_value", "ratio", "runs", "spread"}


def check(condition, what):
    if not condition:
        sys.exit(f"FAIL: {what}")


def namespaces():
    listed = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in listed.splitlines() if line.startswith("zlbench")}


def folders():
    return {name for name in os.listdir("/tmp") if name.startswith("zeroline-bench-")}


def bench(*arguments):
    return subprocess.run([sys.executable, BENCH, *arguments], capture_output=True, text=True,
                          check=False)


def check_row(row):
    check(set(row) == KEYS, f"keys {sorted(row)}")
    check(row["name"] == "forward" and row["metric"] and row["unit"], f"names in {row}")
    # in runs this short and on a busy machine a side may come to nothing
    check(row["value"] >= 0 and row["peer_value"] >= 0, f"values in {row}")
    check(row["ratio"] == (row["value"] / row["peer_value"] if row["peer_value"] else None),
          f"ratio in {row}")
    low, high = row["spread"]
    check(low <= row["value"] <= high and row["runs"] >= 1, f"spread in {row}")


def check_files(folder, done):
    with open(os.path.join(folder, "out.json"), encoding="utf-8") as file:
        rows = json.load(file)
    check(rows, "there are no rows")
    for row in rows:
        check_row(row)
    check(any("loopback" in row["peer"] for row in rows), "libzmq over loopback is missing")
    with open(os.path.join(folder, "out.machine.json"), encoding="utf-8") as file:
        machine = json.load(file)["machine"]
    for key in ("cpu", "cpus", "kernel", "memory_mb", "hugepages_mb", "dpdk", "libzmq", "commit"):
        check(machine.get(key) not in (None, ""), f"the machine's {key} is missing")
    with open(os.path.join(folder, "out.md"), encoding="utf-8") as file:
        text = file.read()
    check(text.strip() == done.stdout.strip(), "--markdown differs from standard output")
    check(text.count("\n| ") > len(rows), "the table has too few lines")


def lossy(build, folder):
    """A build whose zeroline-blast says that something is missing."""
    os.makedirs(os.path.join(folder, "tests", "bench"))
    for name in ("dataplane", "control"):
        os.symlink(os.path.join(build, name), os.path.join(folder, name))
    for name in os.listdir(os.path.join(build, "tests", "bench")):
        if name != "zeroline-blast":
            os.symlink(os.path.join(build, "tests", "bench", name),
                       os.path.join(folder, "tests", "bench", name))
    blast = os.path.join(folder, "tests", "bench", "zeroline-blast")
    with open(blast, "w", encoding="utf-8") as file:
        file.write(f"""#!/bin/sh
'{build}/tests/bench/zeroline-blast' "$@" | sed 's/"missing": 0/"missing": 5/'
""")
    os.chmod(blast, 0o755)


def check_names():
    """Every measurement that is offered can be had: its module, what it is called, and its help."""
    sys.dont_write_bytecode = True
    sys.path.insert(0, os.path.join(ROOT, "scripts", "bench.d"))
    import importlib

    import main as measurements
    listed = bench("--help").stdout
    for name in measurements.NAMES:
        module = importlib.import_module(measurements.MODULES.get(name, name))
        check(module.TITLE and callable(module.measure), f"{name} measures nothing")
        check(name in listed, f"--help does not name {name}")


def check_loss(build):
    with tempfile.TemporaryDirectory() as folder:
        lossy(os.path.abspath(build), folder)
        done = bench("forward", "--quick", "--no-plots", "--no-hugepages", "--build", folder)
        check(done.returncode == 1 and "missing 5" in done.stdout,
              f"a loss did not fail the run: {done.returncode}: {done.stdout}{done.stderr}")


def main():
    before = namespaces(), folders()
    check_names()
    with tempfile.TemporaryDirectory() as folder:
        done = bench("forward", "--quick", "--no-plots", "--no-hugepages", "--build", sys.argv[1],
                     "--json", os.path.join(folder, "out.json"),
                     "--markdown", os.path.join(folder, "out.md"))
        check(done.returncode == 0, f"exit status {done.returncode}: {done.stdout}{done.stderr}")
        check_files(folder, done)
    check_loss(sys.argv[1])
    check((namespaces(), folders()) == before, "namespaces or folders were left behind")
    refused = bench("sideways")
    check(refused.returncode == 2 and "sideways" in refused.stderr, "a wrong name was taken")
    missing = bench("forward", "--build", "/nonexistent")
    check(missing.returncode == 1 and missing.stderr.count("\n") == 1 and
          "/nonexistent" in missing.stderr, f"a missing build: {missing.stderr}")
    print("ok")


if __name__ == "__main__":
    main()
