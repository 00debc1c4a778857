"""Several runs of one thing: median and spread; and the rows that come of them."""
import statistics
import time


class Runs:
    """The values of one metric."""

    def __init__(self, values):
        self.values = list(values)

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def spread(self):
        return [min(self.values), max(self.values)]

    def scaled(self, factor):
        return Runs(value * factor for value in self.values)


class Clock:
    """How long a measurement may still take."""

    def __init__(self, seconds):
        self.begun, self.seconds = time.monotonic(), seconds

    def used(self):
        """As a share of all."""
        return (time.monotonic() - self.begun) / self.seconds


def repeat(run, most, least, clock, share):
    """The results of `most` runs, or of fewer (but `least`) when that share of the time is used."""
    results = []
    while len(results) < least or (len(results) < most and clock.used() < share):
        results.append(run())
    return results


def of(results, key):
    """The metric of a list of results: a key, or a path "a/b"."""
    def value(result):
        for part in key.split("/"):
            result = result[part]
        return result

    return Runs(value(result) for result in results)


class Rows:
    """What is reported: rows for programs, and beside each what only people want."""

    def __init__(self):
        self.rows = []
        self.raw = []
        self.notes = {}
        self.lost = []

    def add(self, name, metric, unit, mine, peer=None, theirs=None, goal=None):
        """mine and theirs: Runs. goal: a text that says whether it was met."""
        row = {"name": name, "metric": metric, "value": mine.median, "unit": unit, "peer": peer,
               "peer_value": theirs.median if theirs else None,
               "ratio": mine.median / theirs.median if theirs and theirs.median else None,
               "runs": len(mine.values), "spread": mine.spread}
        self.rows.append(row)
        self.raw.append({"name": name, "metric": metric, "peer": peer, "values": mine.values,
                         "peer_values": theirs.values if theirs else None, "goal": goal})

    def note(self, name, text):
        self.notes.setdefault(name, []).append(text)

    def check(self, name, what, results):
        """Lists what was lost, repeated or wrong. If it was Zeroline, the whole has failed."""
        for result in results if isinstance(results, list) else [results]:
            found = [f"{key} {result[key]}" for key in ("missing", "lost", "repeated", "wrong")
                     if result.get(key)]
            if found and what.startswith("libzmq"):
                self.note(name, f"{what}: {', '.join(found)}")
            elif found:
                self.lost.append(f"{name}: {what}: {', '.join(found)}")
        return results
