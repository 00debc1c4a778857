"""Rows as Markdown, for people."""

PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
SCALED = ("msg/s", "packets/s", "bit/s", "B/s", "/s", "B")


def number(value, unit):
    """Three figures that count, in the unit's own style."""
    if value is None:
        return ""
    if unit == "ns" and value >= 1000:
        return f"{value / 1e3:.3g} us" if value < 1e6 else f"{value / 1e6:.3g} ms"
    if unit in SCALED:
        for factor, letter in PREFIXES:
            if abs(value) >= factor:
                return f"{figures(value / factor)} {letter}{gap(unit)}{unit}"
    return f"{figures(value)} {unit}".strip()


def gap(unit):
    """12 M msg/s, but 12 Gbit/s."""
    return "" if unit in ("bit/s", "B/s", "B", "/s") else " "


def figures(value):
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def span(spread, unit):
    low, high = spread
    return number(low, unit) if low == high else f"{number(low, unit)} to {number(high, unit)}"


def table(rows, raw):
    head = ("", "Zeroline", "min to max", "runs", "beside", "its value", "ratio", "goal")
    lines = ["| " + " | ".join(head) + " |", "|---|--:|--:|--:|---|--:|--:|---|"]
    for row, more in zip(rows, raw):
        ratio = f"{row['ratio']:.3g}" if row["ratio"] is not None else ""
        lines.append("| " + " | ".join((
            row["metric"], number(row["value"], row["unit"]), span(row["spread"], row["unit"]),
            str(row["runs"]), row["peer"] or "", number(row["peer_value"], row["unit"]), ratio,
            more["goal"] or "")) + " |")
    return lines


def document(facts, titles, results, quick):
    """The whole, as Markdown."""
    lines = ["# Zeroline beside libzmq", ""]
    if quick:
        lines += ["**A --quick run, to try the tool: do not trust these figures.**", ""]
    lines += machine_lines(facts)
    for name, title in titles.items():
        chosen = [i for i, row in enumerate(results.rows) if row["name"] == name]
        lines += ["", f"## {title}", ""]
        if chosen:
            lines += table([results.rows[i] for i in chosen], [results.raw[i] for i in chosen])
        lines += [""] + [f"- {note}" for note in results.notes.get(name, [])]
    lines += ["", "Medians of the runs. " + (
        "Zeroline lost, repeated and garbled no message." if not results.lost
        else f"**In {len(results.lost)} runs messages were lost, repeated or wrong:**")]
    lines += [f"- {line}" for line in results.lost]
    return "\n".join(lines) + "\n"


def machine_lines(facts):
    pages = (f"{facts['hugepages_mb']} MB of hugepages" if facts["hugepages_mb"]
             else "no hugepages")
    return [
        f"{facts['cpu']}, {facts['cpus']} CPUs (hypervisor: {facts['hypervisor']}), "
        f"{facts['memory_mb']} MB, {pages}; Linux {facts['kernel']}; DPDK {facts['dpdk']}, "
        f"libzmq {facts['libzmq']}; commit {facts['commit']}. Load average at the start: "
        f"{facts['load_average']:.1f}.",
        "",
        f"Zeroline: one poll core on CPU {facts['poll_cpu']}, the load on CPU {facts['load_cpu']}, "
        "memif between them. libzmq: zmq_proxy() and the load on the kernel's TCP, over loopback "
        "and over a veth pair; pinned to the same CPUs or left to the kernel, whichever was faster "
        "in a trial.",
    ]
