"""Where the poll cores' cycles go: one further run of a load, counted by stage."""
import loads

WARMUP_S = 0.5


def run(s, at, name, label, per=1, **load):
    """The cores' stages (without idle) as `zeroline cores --cycles` has them, [] if it has none;
    a message: of `per` parts that leave. The first core's are kept for the plot."""
    seconds = 0.3 if s.quick else 1
    result = loads.zeroline(at, s.load_cpu, lambda: at.cycles(seconds), warmup=WARMUP_S,
                            seconds=seconds + 1, **load)
    s.rows.check(name, f"zeroline, {label}, cycles counted", result)
    cores = [[dict(row, per_message=row["per_message"] * per) for row in core["stages"]
              if row["stage"] != "idle" and row["per_message"]]
             for core in result["meanwhile"] or []]
    if not any(cores):
        s.rows.note(name, f"No cycles by stage ({label}): `zeroline cores --cycles` gave none.")
        return []
    s.curves.setdefault("cycles", {}).setdefault(
        label, [(row["stage"], row["per_message"]) for row in cores[0]])
    return cores


def told(s, name, label, cores):
    """The first core's as a note."""
    if cores and cores[0]:
        total = sum(row["per_message"] for row in cores[0])
        parts = ", ".join(f"{row['stage']} {row['per_message']:.1f}" for row in cores[0])
        s.rows.note(name, f"Cycles a delivered message, {label}: {total:.1f} ({parts}).")
