"""SVG plots of what was measured. Needs matplotlib."""
import os

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402

COLOUR = {"zeroline": "#0b6e99", "loopback": "#c0504d", "veth": "#e0a030"}
LABEL = {"zeroline": "Zeroline", "loopback": "libzmq, loopback", "veth": "libzmq, veth"}


def draw(folder, curves):
    """Paths of what was drawn."""
    os.makedirs(folder, exist_ok=True)
    paths = []
    for name, function in PLOTS.items():
        if curves.get(name):
            path = os.path.join(folder, name + ".svg")
            figure, axes = pyplot.subplots(figsize=(7, 4.2))
            function(axes, curves[name])
            axes.grid(True, which="major", alpha=0.3)
            figure.tight_layout()
            figure.savefig(path)
            pyplot.close(figure)
            paths.append(path)
    return paths


def line(axes, key, xs, runs, scale):
    """Medians, with a bar from least to most."""
    middle = [r.median * scale for r in runs]
    below = [m - r.spread[0] * scale for m, r in zip(middle, runs)]
    above = [r.spread[1] * scale - m for m, r in zip(middle, runs)]
    axes.errorbar(xs[:len(runs)], middle, yerr=[below, above], marker="o", capsize=3,
                  color=COLOUR.get(key), label=LABEL.get(key, key))


def forward(axes, curve):
    for key in ("zeroline", "loopback", "veth"):
        if curve.get(key):
            line(axes, key, curve["sizes"], curve[key], 1e-6)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlabel("message size, bytes")
    axes.set_ylabel("million messages a second")
    axes.set_title("One publisher to one subscriber")
    axes.legend()


def fanout(axes, curve):
    for key in ("zeroline", "loopback", "veth"):
        if curve.get(key):
            line(axes, key, curve["subscribers"], curve[key], 1e-6)
    axes.set_xscale("log", base=2)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("subscribers")
    axes.set_ylabel("million deliveries a second")
    axes.set_title("One publisher to many subscribers, 64 B")
    axes.legend()


def latency(axes, curve):
    for key, points in curve.items():
        for share, style in (("p50", "-"), ("p99", "--")):
            axes.plot([p["rate"] for p in points], [p[share] / 1e3 for p in points], style,
                      marker="o", markersize=3, color=COLOUR.get(key),
                      label=f"{LABEL.get(key, key)}, {share}")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("messages a second, open loop")
    axes.set_ylabel("microseconds from publisher to subscriber")
    axes.set_title("Latency under load, 64 B")
    axes.legend()


def cycles(axes, curve):
    """Bars: {load: [(stage, cycles a message)]}."""
    stages = []
    for rows in curve.values():
        stages += [stage for stage, _ in rows if stage not in stages]
    left = [0.0] * len(curve)
    for stage in stages:
        values = [dict(rows).get(stage, 0) for rows in curve.values()]
        axes.barh(list(curve), values, left=left, label=stage)
        left = [a + b for a, b in zip(left, values)]
    axes.set_xlabel("cycles a delivered message, one poll core")
    axes.set_title("Where the cycles go")
    axes.legend(fontsize=8, ncol=2)


PLOTS = {"forward": forward, "fanout": fanout, "latency": latency, "cycles": cycles}
