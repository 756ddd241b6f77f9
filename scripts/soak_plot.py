#!/usr/bin/python3
"""Draws the curves of soaks (tests/lab/soak.py): scripts/soak_plot.py SAMPLES.jsonl PICTURE.svg

Above what is to follow no trend, each as it is; below what is counted, as the difference to the first round: one line
at zero for all that always came back, and one for each kind that did not.
"""

import argparse
import json
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as pyplot  # noqa: E402  (after the choice of what draws)

# Text stays text, and the same samples make the same bytes.
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "soak"})
TRENDS = (("resident_kb", "resident memory, MB", 1024), ("heap_kb", "heap, kB", 1),
          ("neighbours", "neighbour entries", 1), ("cpu_s", "CPU, s", 1))


def series(samples, key):
    every = len(samples) // 300 + 1  # a picture has no more room
    return [sample["second"] / 60 for sample in samples[::every]], [key(sample) for sample in samples[::every]]


def draw(samples, output):
    figure, axes = pyplot.subplots(len(TRENDS) + 1, 1, sharex=True, figsize=(9, 10), constrained_layout=True)
    for axis, (gauge, label, unit) in zip(axes, TRENDS):
        minutes, values = series(samples, lambda sample: sample["trends"][gauge] / unit)
        axis.plot(minutes, values, linewidth=1)
        axis.set_ylabel(label)
        axis.set_ylim(0, 1.1 * max(values) or 1)
    first = samples[0]["objects"]
    kinds = sorted({gauge for sample in samples for gauge in sample["objects"]})
    strays = [gauge for gauge in kinds if any(sample["objects"].get(gauge) != first.get(gauge) for sample in samples)]
    minutes, _ = series(samples, lambda sample: 0)
    all_but_strays = f"{len(kinds) - len(strays)} kinds: {sum(first.values())} descriptors, BPF objects, addresses, ..."
    axes[-1].plot(minutes, [0] * len(minutes), linewidth=1, label=all_but_strays)
    for gauge in strays:
        axes[-1].plot(*series(samples, lambda sample: sample["objects"].get(gauge, 0) - first.get(gauge, 0)),
                      linewidth=1, label=gauge)
    axes[-1].set_ylabel("objects more than at first")
    axes[-1].set_ylim(-5, 5)
    axes[-1].legend(fontsize=8, loc="upper center")
    axes[-1].set_xlabel(f"minutes; {len(samples)} rounds, {sum(len(sample['deeds']) for sample in samples)} deeds, "
                        f"in.mpathd died in {samples[-1]['deaths']} of them")
    for axis in axes:
        axis.grid(linewidth=0.3)
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
