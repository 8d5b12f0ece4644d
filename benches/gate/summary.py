#!/usr/bin/env python3
"""The tables of the experiments, with exact 95 % intervals, and which requirement holds.

    target/oracle/bin/python benches/gate/summary.py target/gate/comparisons.jsonl.. [--quiet-only]
"""

import argparse
import math
import pathlib
import statistics
from collections.abc import Callable

import numpy as np

from procedure import hodges_lehmann, pairs
from records import Record, read

# Above this share of work on another core a comparison was not made on a quiet machine.
QUIET = 0.2
# The requirements: the largest rate of false alarms, and the smallest of 3, 5 and 10 % found.
FALSE_ALARM, POWER = 0.025, 0.95
# A model stands for a slowdown that its own is within this part of.
NEAR = 0.2
# Pairs of which an estimate is made at most: it looks at the means of all pairs of them.
MOST = 1000
STATISTICS = ("min", "p50", "both")
Groups = dict[str, list[Record]]
Slowdowns = dict[tuple[str, str, str], tuple[float, float, float, int]]


def at_most(k: int, n: int, p: float) -> float:
    """P(X <= k) for X of n trials with probability p each."""
    if p <= 0 or p >= 1:
        return 1.0 if p <= 0 or k >= n else 0.0
    log = lambda x: math.lgamma(n + 1) - math.lgamma(x + 1) - math.lgamma(n - x + 1) + x * math.log(p) + (n - x) * math.log1p(-p)
    return min(1.0, math.fsum(math.exp(log(x)) for x in range(k + 1)))


def clopper_pearson(k: int, n: int, level: float = 0.05) -> tuple[float, float]:
    """The rates that an exact two-sided test at `level` does not reject, after k of n."""

    def falls_to(tail: Callable[[float], float], target: float) -> float:
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if tail(middle) > target else (low, middle)
        return low

    upper = 1.0 if k == n else falls_to(lambda p: at_most(k, n, p), level / 2)
    lower = 0.0 if k == 0 else falls_to(lambda p: at_most(k - 1, n, p), 1 - level / 2)
    return lower, upper


def rate(k: int, n: int) -> str:
    low, high = clopper_pearson(k, n)
    return f"{k} of {n} = {100 * k / n:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def count(records: list[Record], verdict: str) -> int:
    return sum(record["document"]["verdict"] == verdict for record in records)


def true_slowdowns(records: list[Record]) -> Slowdowns:
    """Hodges-Lehmann estimate of each model's slowdown by its pairs with the base, and its 95 % interval, in percent: by those of
    `--plan true`, else by those of the comparisons themselves."""
    ratios: dict[tuple[str, str, str], list[float]] = {}
    own: dict[tuple[str, str, str], list[float]] = {}
    for record in records:
        for statistic in STATISTICS:
            if record["plan"] == "true":
                for pair in record["document"]["pairs"]:
                    ratios.setdefault((record["setting"], pair["name"], statistic), []).append(pair[statistic])
            elif record["plan"] == "planted":
                found, clean = pairs(record["document"]["samples"], statistic)
                own.setdefault((record["setting"], record["plant"], statistic), []).extend(found[clean])
    percent = lambda value: 100 * math.expm1(value) if math.isfinite(value) else value
    all_of = {key: found[:MOST] for key, found in (own | ratios).items()}
    return {key: (*map(percent, hodges_lehmann(np.array(found))), len(found)) for key, found in sorted(all_of.items())}


def table(groups: Groups) -> list[str]:
    lines = ["| experiment | slower | not slower | undecided (noisy, close) | pairs | tried | seconds | not quiet |"]
    lines += ["| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for name, records in groups.items():
        documents, n = [record["document"] for record in records], len(records)
        mean = lambda key: statistics.fmean(document[key] for document in documents)
        why = [sum(document.get("why") == word for document in documents) for word in ("noisy", "close")]
        busy = sum((record["others_busy"] or 0) > QUIET for record in records)
        lines.append(
            f"| {name} | {rate(count(records, 'slower'), n)} | {rate(count(records, 'not_slower'), n)} "
            f"| {rate(count(records, 'undecided'), n)} ({why[0]}, {why[1]}) | {mean('pairs'):.1f} | {mean('tried'):.1f} "
            f"| {mean('seconds'):.1f} | {busy} |"
        )
    return lines


def false_alarms(name: str, records: list[Record]) -> str:
    slower, n = count(records, "slower"), len(records)
    low, high = clopper_pearson(slower, n)
    verdict = "holds" if high <= FALSE_ALARM else "DOES NOT HOLD" if low > FALSE_ALARM else "not shown by so few"
    return f"- upper end of the rate of false alarms <= {100 * FALSE_ALARM:g} %, {name}: {rate(slower, n)}: {verdict}"


def power(setting: str, allowed: float, target: float, groups: Groups, slowdowns: Slowdowns) -> str:
    """The planted model whose measured slowdown is nearest to the target stands for it, if it is near."""
    wanted = f"- {target:g} % found in {100 * POWER:g} of 100 at m = {100 * allowed:g} %, {setting}"
    used = {r["document"]["statistic"] for group in groups.values() for r in group if r["setting"] == setting}
    known = {plant: found[0] for (its, plant, statistic), found in slowdowns.items() if its == setting and statistic in used}
    if not known:
        return f"{wanted}: the true slowdowns are not measured (--plan true or planted)"
    plant = min(known, key=lambda name: abs(known[name] - target))
    if abs(known[plant] - target) > NEAR * target:
        return f"{wanted}: no planted model is near: {plant} is slower by {known[plant]:.2f} %; plant another (plant.py --width)"
    records = [r for group in groups.values() for r in group if (r["setting"], r["plant"], r["allowed"]) == (setting, plant, allowed)]
    if not records:
        return f"{wanted}: {plant} ({known[plant]:.2f} %) was not compared (--plan planted)"
    slower, n = count(records, "slower"), len(records)
    verdict = "not shown by so few" if n < 100 else "holds" if slower / n >= POWER else "DOES NOT HOLD"
    return f"{wanted}, by {plant}, which is slower by {known[plant]:.2f} %: {rate(slower, n)}: {verdict}"


def requirements(groups: Groups, slowdowns: Slowdowns) -> list[str]:
    of_plan = lambda plan, setting: [r for group in groups.values() for r in group if (r["plan"], r["setting"]) == (plan, setting)]
    settings, lines = sorted({r["setting"] for group in groups.values() for r in group} | {its for its, _, _ in slowdowns}), []
    for setting in settings:
        quiet, loaded, on_b = (of_plan(plan, setting) for plan in ("aa", "loaded", "load-b"))
        for name, records in (("quiet", quiet), ("half loaded", loaded), ("both", quiet + loaded if loaded and quiet else [])):
            lines += [false_alarms(f"{setting}, {name}", records)] if records else []
        lines += [power(setting, 0.0, 5, groups, slowdowns), power(setting, 0.05, 10, groups, slowdowns)]
        if on_b:
            silent = sum(r["document"]["verdict"] == "slower" and not r["document"]["disturbed"] for r in on_b)
            verdict = "holds" if silent == 0 else "DOES NOT HOLD"
            lines.append(f'- load only during B never yields SLOWER without "disturbed", {setting}: {rate(silent, len(on_b))}: {verdict}')
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=pathlib.Path, nargs="+", help="what run.py appended to")
    parser.add_argument("--quiet-only", action="store_true", help="leave out comparisons while other cores were busy")
    args = parser.parse_args()
    records = [r for r in read(args.files) if not args.quiet_only or (r["others_busy"] or 0) <= QUIET]
    groups: Groups = {}
    for record in records:
        if record["plan"] != "true":
            groups.setdefault(record["experiment"], []).append(record)
    slowdowns = true_slowdowns(records)
    print("Rates with exact (Clopper-Pearson) 95 % intervals; means of pairs, pairs tried, and seconds.\n")
    print("\n".join(table(dict(sorted(groups.items())))))
    for (setting, plant, statistic), (estimate, low, high, n) in slowdowns.items():
        print(f"\n{setting}: {plant} is slower by {estimate:.2f} % [{low:.2f}, {high:.2f}] by {statistic}, {n} pairs in turns", end="")
    print("\n\n" + "\n".join(requirements(groups, slowdowns)))
    began, ended = (f(r["time"] for r in records) for f in (min, max)) if records else ("-", "-")
    machines = {f"{r['machine']['cpu']}, {r['machine']['cores']} cores, {r['machine']['gnet']}" for r in records}
    print(f"\n{began} to {ended}: {'; '.join(sorted(machines))}")
    if anyway := sum(r["anyway"] for r in records):
        print(f"{anyway} of {len(records)} were made with --anyway, on cores that nothing says were quiet")


if __name__ == "__main__":
    main()
