"""What a run has measured: the one value that is kept as JSON, compared, and made tables of.

    {"about": {...}, "measurements": {NAME: {"what", "unit", "better", "samples": {CONTENDER: [NUMBER, ...]}}}}

`better` is "more" or "less". Sample N of each contender belongs to turn N. Growth curves have "x" beside, of the same
length.
"""

import json

BARE, BARE_AGAIN, IPMP, FAST = "bare", "bare again", "ipmp", "ipmp fast"


class Results:
    def __init__(self, about, measurements=None):
        self.about, self.measurements = about, measurements or {}

    def add(self, name, what, unit, better, contender, *values):
        entry = self.measurements.setdefault(name, {"what": what, "unit": unit, "better": better, "samples": {}})
        entry["samples"].setdefault(contender, []).extend(values)

    def add_curve(self, name, what, unit, x_what, x, y):
        entry = self.measurements.setdefault(name, {"what": what, "unit": unit, "better": "less", "x_what": x_what,
                                                    "x": [], "samples": {}})
        entry["x"].append(x)
        entry["samples"].setdefault(IPMP, []).append(y)

    def samples(self, name, contender=IPMP):
        return self.measurements.get(name, {}).get("samples", {}).get(contender, [])

    def points(self, name):
        entry = self.measurements.get(name, {})
        return list(zip(entry.get("x", []), self.samples(name)))

    def save(self, path):
        path.write_text(json.dumps({"about": self.about, "measurements": self.measurements}, indent=1) + "\n")


def load(path):
    content = json.loads(path.read_text())
    return Results(content["about"], content["measurements"])
