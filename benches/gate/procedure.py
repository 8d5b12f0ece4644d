"""The decision of `gnet ab`, written a second time, for many comparisons at once, in numpy.

A comparison is a row of log ratios of B to A, one for each pair. `gnet ab --replay` and this must decide alike;
`simulate.py --check` holds them against each other.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SLOWER, NOT_SLOWER, UNDECIDED = 1, -1, 0
VERDICTS = {"slower": SLOWER, "not_slower": NOT_SLOWER, "undecided": UNDECIDED}
# A process that had its cores for less than this share of the time was disturbed, and its pair does not count.
CLEAN = 0.9


@dataclasses.dataclass(frozen=True)
class Plan:
    looks: tuple[int, ...] = (8, 12, 16, 24)
    slower: float = 0.01
    not_slower: float = 0.05
    spending: float = 2.6


@functools.cache
def at_least(n: int) -> Array:
    """P(W >= w) for each sum w of the ranks 1..n that are positive, when every sign is a fair coin."""
    chances = np.zeros(n * (n + 1) // 2 + 1)
    chances[0] = 1.0
    for rank in range(1, n + 1):
        with_rank = np.zeros_like(chances)
        with_rank[rank:] = chances[:-rank]
        chances = (chances + with_rank) / 2
    return np.minimum(1.0, chances[::-1].cumsum()[::-1])


def p_greater(differences: Array) -> Array:
    """Exact one-sided p values of Wilcoxon's signed-rank test, a row each. Equal sizes are ranked as they stand."""
    ranks = np.abs(differences).argsort(axis=1, kind="stable").argsort(axis=1, kind="stable") + 1
    return at_least(differences.shape[1])[(ranks * (differences > 0)).sum(axis=1)]


def decide(ratios: Array, allowed: float, plan: Plan = Plan()) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Verdict of each row, and the number of pairs it took. A row that ends in NaN has no more pairs."""
    verdicts = np.full(len(ratios), UNDECIDED)
    pairs = np.minimum(plan.looks[-1], np.isfinite(ratios).sum(axis=1))
    is_open = np.ones(len(ratios), bool)
    for look in plan.looks:
        at_look = is_open & (np.isfinite(ratios).sum(axis=1) >= look)
        shifted = ratios[at_look, :look] - np.log1p(allowed)
        found = np.full(len(shifted), UNDECIDED)
        found[p_greater(-shifted) <= plan.not_slower / plan.spending] = NOT_SLOWER
        found[p_greater(shifted) <= plan.slower / plan.spending] = SLOWER
        verdicts[at_look] = found
        pairs[np.flatnonzero(at_look)[found != UNDECIDED]] = look
        is_open[np.flatnonzero(at_look)[found != UNDECIDED]] = False
    return verdicts, pairs


def hodges_lehmann(values: Array, level: float = 0.05) -> tuple[float, float, float]:
    """Median of the means of all pairs, and the interval that the two-sided signed-rank test at `level` does not reject."""
    n = len(values)
    upper, lower = np.triu_indices(n)
    means = np.sort((values[upper] + values[lower]) / 2)
    rare = np.flatnonzero(at_least(n) <= level / 2)
    if not len(rare):
        return float(np.median(means)), float("-inf"), float("inf")
    critical = int(rare[0])
    return float(np.median(means)), float(means[len(means) - critical]), float(means[critical - 1])


def log_time(times: Mapping[str, Any], statistic: str) -> Array:
    """Logarithm of what stands for a turn, or for a process: with `both` the geometric mean of its fastest and its median run."""
    names = ["min_ms", "p50_ms"] if statistic == "both" else [statistic + "_ms"]
    return np.mean([np.log(np.asarray(times[name], float)) for name in names], axis=0)


def log_ratio(a: Mapping[str, Any], b: Mapping[str, Any], statistic: str) -> float:
    """Log ratio of B to A: of one turn after the other, the median."""
    return float(np.median(log_time(b["turns"], statistic) - log_time(a["turns"], statistic)))


def pairs(samples: list[Mapping[str, Any]], statistic: str) -> tuple[Array, NDArray[np.bool_]]:
    """Log ratio of each pair in the record of a comparison, and whether it counts."""
    ratios, clean = [], []
    for pair in zip(samples[::2], samples[1::2]):
        a, b = sorted(pair, key=lambda sample: str(sample["arm"]))
        ratios.append(log_ratio(a, b, statistic))
        clean.append(a["clean"] and b["clean"])
    return np.array(ratios), np.array(clean, bool)
