"""What is said about samples: medians, quartiles, ratios of pairs, and how sure all that is.

Contenders are measured in turns; sample number N of each was taken in the same turn, a second or so apart. So the ratio
of a pair does not feel what the machine does from one minute to the next. Intervals are bootstrapped: turns are drawn
again, with replacement, from a seeded generator, and 95 % of the figures that this gives lie in the interval.
"""

import math
import random
import statistics

RESAMPLES = 1000
SEED = 8


def percentile(values, part):
    """Nearest rank: of 100 values the 99th percentile is the second largest."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def ratios(over, under):
    """Of pairs: over[N] / under[N]."""
    return [one / other for one, other in zip(over, under) if other]


def interval_of_median(values):
    if len(values) < 3:
        return None
    chance = random.Random(SEED)
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES) - 1]


def summary(values):
    """The figures that tables show."""
    low, high = quartiles(values)
    return {"count": len(values), "median": statistics.median(values), "q1": low, "q3": high,
            "p99": percentile(values, 0.99), "minimum": min(values), "maximum": max(values)}


def slope(points):
    """Least squares through points (x, y): y = offset + slope * x."""
    xs, ys = zip(*points)
    middle_x, middle_y = statistics.fmean(xs), statistics.fmean(ys)
    spread = sum((x - middle_x) ** 2 for x in xs)
    gradient = sum((x - middle_x) * (y - middle_y) for x, y in points) / spread
    return middle_y - gradient * middle_x, gradient


def growth_exponent(points):
    """k of y = c * x^k, by least squares of the logarithms: 1 is linear, 0 does not grow at all."""
    return slope([(math.log(x), math.log(y)) for x, y in points])[1]
