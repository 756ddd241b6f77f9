"""Results as SVG: ratios to the bare host with their quartiles, distributions of gaps, growth curves."""

import statistics

import matplotlib

matplotlib.use("svg")

import figures  # noqa: E402
from matplotlib import pyplot  # noqa: E402  (after the choice of what draws)
from results import BARE, BARE_AGAIN, IPMP  # noqa: E402


def save(figure, path):
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)


def plot_ratios(results, output):
    """One bar per throughput measurement: median ratio, quartiles; grey: the bare host against itself."""
    rows = []
    for name, entry in results.measurements.items():
        base, own, again = (entry["samples"].get(who) for who in (BARE, IPMP, BARE_AGAIN))
        if base and own and again and "-system" not in name and "-lost" not in name:
            rows.append((name, figures.ratios(own, base), figures.ratios(again, base)))
    if not rows:
        return
    figure, axes = pyplot.subplots(figsize=(8, 0.28 * len(rows) + 1))
    for place, (name, own, again) in enumerate(reversed(rows)):
        for values, colour, offset in ((own, "tab:blue", 0.15), (again, "0.6", -0.2)):
            low, high = figures.quartiles(values)
            axes.plot([low, high], [place + offset] * 2, color=colour, linewidth=3)
            axes.plot(statistics.median(values), place + offset, "o", color=colour, markersize=4)
    axes.set_yticks(range(len(rows)), [row[0] for row in reversed(rows)], fontsize=7)
    axes.axvline(1, color="0.8", zorder=0)
    axes.set_xlabel("ratio to the bare NIC: median and quartiles (grey: bare against itself)")
    save(figure, output / "ratios.svg")


def plot_gaps(results, output):
    """Gaps and times of failures, every contender, as cumulative shares."""
    named = {name: entry for name, entry in results.measurements.items() if entry["unit"] == "ms" and "x" not in entry}
    for name, entry in named.items():
        figure, axes = pyplot.subplots(figsize=(6, 3.5))
        for who, samples in entry["samples"].items():
            ordered = sorted(samples)
            axes.step(ordered, [(index + 1) / len(ordered) for index in range(len(ordered))], where="post", label=who)
        axes.set_xscale("log")
        axes.set_xlabel(f"{entry['what']}, ms")
        axes.set_ylabel("share")
        axes.legend(fontsize=7)
        save(figure, output / f"{name}.svg")


def plot_curves(results, output):
    for name, entry in results.measurements.items():
        if "x" not in entry:
            continue
        figure, axes = pyplot.subplots(figsize=(5, 3))
        axes.plot(*zip(*sorted(results.points(name))), "o-")
        axes.set_xlabel(entry["x_what"])
        axes.set_ylabel(f"{entry['what']}, {entry['unit']}", fontsize=7)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        save(figure, output / f"{name}.svg")


def write(results, output):
    for old in output.glob("*.svg"):
        old.unlink()
    plot_ratios(results, output)
    plot_gaps(results, output)
    plot_curves(results, output)
