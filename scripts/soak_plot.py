#!/usr/bin/python3
"""Draws the curves of soaks (tests/lab/soak.py): scripts/soak_plot.py SAMPLES.jsonl PICTURE.svg

Above what is to follow no trend, each as it is; below what is counted, as the difference to the first round, so that
one line at zero says that all came back.
"""

import argparse
import json
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as pyplot  # noqa: E402  (after the choice of what draws)

TRENDS = (("resident_kb", "resident memory, MB", 1024), ("heap_kb", "heap, kB", 1),
          ("neighbours", "neighbour entries", 1), ("cpu_s", "CPU, s", 1))


def series(samples, key):
    return [sample["second"] / 60 for sample in samples], [key(sample) for sample in samples]


def draw(samples, output):
    figure, axes = pyplot.subplots(len(TRENDS) + 1, 1, sharex=True, figsize=(9, 10), constrained_layout=True)
    for axis, (gauge, label, unit) in zip(axes, TRENDS):
        minutes, values = series(samples, lambda sample: sample["trends"][gauge] / unit)
        axis.plot(minutes, values, linewidth=1)
        axis.set_ylabel(label)
        axis.set_ylim(0, 1.1 * max(values) or 1)
    first = samples[0]["objects"]
    for gauge in first:
        axes[-1].plot(*series(samples, lambda sample: sample["objects"].get(gauge, 0) - first[gauge]), linewidth=1,
                      label=f"{gauge}: {first[gauge]}")
    axes[-1].set_ylabel("objects more than at first")
    axes[-1].set_ylim(-5, 5)
    axes[-1].legend(fontsize=6, ncols=3, loc="upper center")
    axes[-1].set_xlabel(f"minutes; {len(samples)} rounds, {sum(len(sample['deeds']) for sample in samples)} deeds, "
                        f"in.mpathd died in {samples[-1]['deaths']} of them")
    for axis in axes:
        axis.grid(linewidth=0.3)
    matplotlib.rcParams["svg.fonttype"] = "none"  # text stays text
    figure.savefig(output, format="svg", metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(prog="soak_plot.py", description=__doc__.splitlines()[0])
    parser.add_argument("samples", help="what tests/netns/test_soak.py wrote")
    parser.add_argument("svg", help="the picture to write")
    options = parser.parse_args()
    with open(options.samples, encoding="utf-8") as lines:
        samples = [json.loads(line) for line in lines]
    if len(samples) < 2:
        sys.exit(f"soak_plot.py: {options.samples} has too few samples")
    draw(samples, options.svg)


if __name__ == "__main__":
    main()
