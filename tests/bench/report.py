"""Results as Markdown: the goals, every measurement against the bare host, and what to think of the machine."""

import importlib.util
import math
import pathlib
import statistics

import figures
import goals
import machine
from results import BARE, BARE_AGAIN, IPMP, load


def number(value):
    """Four digits, and thousands as people write them."""
    if value is None:
        return "–"
    if math.isinf(value):
        return "never"
    if abs(value) >= 1e9:
        return f"{value / 1e9:.4g} G"
    if abs(value) >= 1e6:
        return f"{value / 1e6:.4g} M"
    return f"{value:,.0f}" if abs(value) >= 10000 else f"{value:.4g}"


def pair(values):
    return f"{number(values[0])} … {number(values[1])}" if values else "–"


def table(head, lines):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head),
                      *("| " + " | ".join(line) + " |" for line in lines)])


def goal_table(results):
    lines = []
    for row in goals.rows(results):
        if row.verdict != goals.ABSENT:
            lines.append((row.goal.what, row.goal.limit, number(row.value) + row.goal.unit, pair(row.spread),
                          pair(row.interval), number(row.noise), number(row.by_cpu), row.verdict))
    absent = sum(row.verdict == goals.ABSENT for row in goals.rows(results))
    head = ("What", "Goal", "Measured", "Quartiles", "95 %", "Bare against itself", "By processor time", "Verdict")
    return table(head, lines) + (f"\n\n{absent} goals were not measured in this run." if absent else "")


def ratio_text(entry, who):
    base, own = entry["samples"].get(BARE), entry["samples"][who]
    if not base or who == BARE or len(base) != len(own) or entry["unit"].startswith("of "):
        return "–"
    ratios = figures.ratios(own, base)
    if not ratios:
        return "–"
    interval = figures.interval_of_median(ratios)
    return f"{statistics.median(ratios):.3f}" + (f" ({interval[0]:.3f} … {interval[1]:.3f})" if interval else "")


def measurement_table(results):
    lines = []
    for name, entry in results.measurements.items():
        if "x" in entry:
            continue
        for who, samples in entry["samples"].items():
            found = figures.summary(samples)
            lines.append((name, entry["unit"], who, str(found["count"]), number(found["median"]),
                          pair((found["q1"], found["q3"])), number(found["p99"]), number(found["maximum"]),
                          ratio_text(entry, who)))
    head = ("Measurement", "Unit", "Who", "Samples", "Median", "Quartiles", "99 %", "Most", "Ratio to bare (95 %)")
    return table(head, lines)


def curve_tables(results):
    parts = []
    for name, entry in results.measurements.items():
        if "x" in entry:
            exponent = figures.growth_exponent(results.points(name)) if len(set(entry["x"])) > 1 else 0
            parts += [f"{entry['what']}: grows as the power {exponent:.2f} of {entry['x_what']}.\n",
                      table((entry["x_what"], entry["unit"]),
                            [(number(x), number(y)) for x, y in results.points(name)]) + "\n"]
    return "\n".join(parts)


def comparable(entry):
    """What does not change with what else the machine does: ratios to the bare host where there are such."""
    own, base = entry["samples"].get(IPMP, []), entry["samples"].get(BARE)
    return ("of bare", figures.ratios(own, base)) if base else (entry["unit"], own)


def comparison_table(results, baseline):
    lines = []
    for name, entry in results.measurements.items():
        if "x" in entry or name not in baseline.measurements:
            continue
        (unit, now), (_, before) = comparable(entry), comparable(baseline.measurements[name])
        if not before or not now:
            continue
        old, new = statistics.median(before), statistics.median(now)
        low, high = figures.quartiles(now)
        better = (new > old) == (entry["better"] == "more")
        verdict = "within the spread" if low <= old <= high else "better" if better else "worse"
        lines.append((name, unit, number(old), number(new), f"{new / old:.3f}" if old else "–", verdict))
    return table(("Measurement", "Unit", "Then", "Now", "Now / then", ""), lines)


def noise_text(results):
    found = machine.complaints(results.about)
    spreads = []
    for entry in results.measurements.values():
        again, base = entry["samples"].get(BARE_AGAIN), entry["samples"].get(BARE)
        if again and base and entry["better"] == "more":
            spreads += [abs(1 - ratio) for ratio in figures.ratios(again, base)]
    text = []
    if spreads:
        median = statistics.median(spreads)
        text.append(f"The bare host against itself, turn by turn (A/A): half of all pairs differ by more than "
                    f"{median:.1%}, a tenth by more than {figures.percentile(spreads, 0.9):.1%}.")
        if median > 0.05:
            found.append(f"half of the A/A pairs differ by more than {median:.1%}")
    if found:
        text.append("**This machine was too noisy:** " + "; ".join(found) + ".")
    return "\n".join(text)


def head_text(about):
    during = about.get("during", {})
    return (f"Linux {about['kernel']}, {about['processors']} × {about['model']}, commit {about['commit']}, "
            f"seed {about['seed']}{', quick' if about['quick'] else ''}, {about['began']}, "
            f"{about.get('seconds', 0):.0f} s. Before the run others took {about['others']:.0%} of the processors; "
            f"steal during it {during.get('steal', 0):.1%}, load at its end {about.get('load_after', 0):.1f}.")


def failed_text(results):
    failed = results.about.get("failed", {})
    return "Failed: " + "; ".join(f"{name}: {why}" for name, why in failed.items()) if failed else ""


def markdown(results, baseline=None):
    parts = ["# Measurements", head_text(results.about), noise_text(results), failed_text(results)]
    parts += ["## Goals", goal_table(results), "## All measurements", measurement_table(results)]
    curves = curve_tables(results)
    parts += ["## Growth", curves] if curves else []
    parts += ["## Against the baseline", comparison_table(results, baseline)] if baseline else []
    return "\n\n".join(part for part in parts if part) + "\n"


EMULATED = """One processor, some twenty times slower than a real one, does all of it here: hosts, switch, peer, daemons
and what measures them. Bonding works in the kernel; what our daemon does in a third of a millisecond takes several. How
fast IPMP is the section above tells, how the designs compare this one. Answers to probes that wait for that processor
stretch the failure detection time (row "in force"), and with it the time to find a silent failure."""

PUBLISHED = """# Performance

Written by `./bench --publish` from the last runs of `./bench` and `./bench --vm`; do not edit. How it is measured:
[TESTING.md](TESTING.md#benchmarks). Goals are judged by medians over turns; `met` and `missed` are said only where 95 %
of what chance could have made of the samples agrees. Ratios are to a bare NIC on the same switch, measured in turns.
"By processor time" is the same ratio by what the sending thread used of its processor, which on veths is the whole way
of a packet to the receiving socket, and which a busy machine disturbs least.
"""


LIMITS = """## What limits what is missed

- **64-byte UDP**: each packet crosses the pair of `ipmp0` once, 550 cycles outbound and 850 inbound beside the 7,400
  that it takes on the bare NIC, nearly all of them the kernel's own (locks of one more queue, the pair's transmit
  function, the redirect); our programs are 20 of them, 100 inbound. `FAST_PATH` leaves out what can be left out, and
  with it what `ipmp0` counts ([ADR 8](adr/0008-past-the-pair.md)).
- **Cuts, against bonding and teamd**: on the emulated processor 3 to 6 ms pass from the lost carrier until our daemon
  has decided, written the maps and announced (a third of one on a real processor), and twice as long again until the
  packets that wait behind all other work there have had their turn. Bonding does its part within the kernel; a tenth
  of its 45 ms is less than a daemon takes there. Of the flows of balance-xor half are on the other NIC and notice
  nothing. Where traffic does not wait for the processor, a cut takes what the first section says.
- **A silent failure, against bonding**: with IPMP alone in that machine the gap is 90 ms at a failure detection time of
  100 (bonding's: 390). Beside seven others and a flow of 500 messages a second an answer waits in the kernel behind
  what they do: 0.2 ms by its own stamps in the median, 16 in nine of ten, 57 in 99 of 100. What answers take stretches
  the failure detection time, as it should on a slow network. After the run above the daemon's own share was left out
  of that, and the flow is one of 100 a second: in force were 0.7 s then, not 25, the gap 0.56 (bonding: 0.36).
- **Everything, on a machine that others use as well**: what takes milliseconds there takes several times as long in
  another hour, which is why each table says how noisy its machine was. Ratios and growths bear that, absolute times
  do not.
"""


def rival_table(results):
    """Of the emulated machine: all contenders side by side."""
    lines = []
    for name, entry in results.measurements.items():
        if name.endswith(("-system", "-lost", "-p90", "-p99", "-p99_9")):
            continue
        for who, samples in entry["samples"].items():
            found = figures.summary(samples)
            lines.append((entry["what"], entry["unit"], who, number(found["median"]),
                          pair((found["minimum"], found["maximum"]))))
    return table(("What", "Unit", "Who", "Median", "Least … most"), lines)


WHOLE, PARTS = "This machine", "Parts of that, measured later"
PUBLISHED_RUNS = {WHOLE: "bench", PARTS: "bench-parts", "Against bonding and teamd": "bench-vm"}  # by title: directory


def publish(build, document=pathlib.Path(__file__).resolve().parents[2] / "docs/PERFORMANCE.md"):
    """Writes `document`; what was not measured anew stays as it was published last. 0 if anything was."""
    _, *sections = document.read_text().split("\n## ") if document.exists() else ("",)
    former = {section.split("\n", 1)[0]: "## " + section for section in sections}
    paths = {title: build / directory / "results.json" for title, directory in PUBLISHED_RUNS.items()}
    runs = {title: load(path) for title, path in paths.items() if path.exists()}
    if WHOLE in runs and not (PARTS in runs and runs[PARTS].about["began"] > runs[WHOLE].about["began"]):
        runs.pop(PARTS, None), former.pop(PARTS, None)  # the whole has newer ones
    parts = [PUBLISHED]
    for title in PUBLISHED_RUNS:
        if title not in runs:
            parts.append(former.get(title, ""))
            continue
        results = runs[title]
        in_vm = results.about["vm"]
        parts += [f"## {title}", EMULATED if in_vm else "", head_text(results.about), failed_text(results)]
        parts += [noise_text(results), goal_table(results)]
        parts += [rival_table(results) if in_vm else measurement_table(results), curve_tables(results)]
    parts.append(LIMITS)
    if not runs:
        print("bench: nothing was measured yet")
        return 1
    document.write_text("\n\n".join(part.strip() for part in parts if part) + "\n")
    return 0


def write(results, output, baseline=None):
    """Writes report.md and the plots, and returns what is to be shown on a terminal."""
    text = markdown(results, baseline)
    (output / "report.md").write_text(text)
    if importlib.util.find_spec("matplotlib"):  # ./bench installs it; tests of this program do without
        import plots
        plots.write(results, output)
    shown = [goal_table(results), noise_text(results)] + ([comparison_table(results, baseline)] if baseline else [])
    return "\n\n".join(shown) + f"\n\nAll of it: {output}/report.md, results.json and *.svg"
