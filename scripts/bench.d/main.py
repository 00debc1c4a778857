"""From the command line's wishes to what is written."""
import contextlib
import importlib
import json
import os
import sys
import time

import machine
import processes
import programs
import tables
import wires
from failure import Failure
from settings import Settings
from stats import Clock, Rows

NAMES = "forward", "fanout", "streamer", "queue", "latency", "subscriptions", "slow", "scaling", "curve", \
    "strangers", "multicast"
MODULES = {"queue": "requests_replies"}  # those that are not called as the file is
MINUTES_EACH = 4.5  # of five: what is under way is finished


def run(options):
    """The exit status."""
    processes.stop_on_signals()
    try:
        return measure_all(options)
    except Failure as failure:
        print(f"bench: {failure}", file=sys.stderr)
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
    return 1


def measure_all(options):
    folder = options.build or programs.build(options.root)
    found = programs.find(os.path.abspath(folder))
    pages = machine.Hugepages(not options.no_hugepages)
    try:
        facts = machine.facts(options.root, pages.free_mb)
        with contextlib.ExitStack() as stack:
            s = Settings(found, options.quick, pages.free_mb,
                         [stack.enter_context(wires.Loopback())], Rows(),
                         seconds=0.2 if options.quick else 1.0)
            add_veth(s, stack)
            titles = {name: measure(name, s) for name in options.names}
    finally:
        pages.give_back()
    return write(options, facts, titles, s)


def add_veth(s, stack):
    try:
        s.wires.append(stack.enter_context(wires.Veth()))
    except Failure as failure:
        print(f"bench: without a veth pair: {failure}", file=sys.stderr)


def measure(name, s):
    module = importlib.import_module(MODULES.get(name, name))
    begun = time.monotonic()
    print(f"bench: {name}", file=sys.stderr, flush=True)
    s.clock = Clock(60 * MINUTES_EACH)
    s.rows.note(name, machine.noise(s.programs["noise"], s.poll_cpu, "before"))
    module.measure(s)
    s.rows.note(name, machine.noise(s.programs["noise"], s.poll_cpu, "after"))
    print(f"bench: {name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return module.TITLE


def write(options, facts, titles, s):
    text = tables.document(facts, titles, s.rows, options.quick)
    print(text)
    if options.markdown:
        put(options.markdown, text)
    if options.json:
        put(options.json, json.dumps(s.rows.rows, indent=1) + "\n")
        stem, suffix = os.path.splitext(options.json)
        put(f"{stem}.machine{suffix}", json.dumps(
            {"machine": facts, "quick": options.quick, "names": options.names, "runs": s.rows.raw,
             "notes": s.rows.notes, "lost": s.rows.lost}, indent=1) + "\n")
    if not options.no_plots:
        draw(options.plots, s)
    return 1 if s.rows.lost else 0


def draw(folder, s):
    try:
        import plots
    except ImportError as error:
        print(f"bench: no plots: {error}; scripts/setup --bench installs it", file=sys.stderr)
        return
    for path in plots.draw(folder, s.curves):
        print(f"bench: {path}", file=sys.stderr)


def put(path, text):
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from None
