#!/usr/bin/env python3
"""What live time does not suffice for: the procedure of `gnet ab` on resampled times of real processes. No live figures.

    target/oracle/bin/python benches/gate/simulate.py [--pairs tests/fixtures/noise_pairs.csv] [--live target/gate/comparisons.jsonl]
        [--comparisons 8000] [--check target/release/gnet]

Processes that followed one another are drawn in blocks of twelve, so that drift and bursts stay in them; two that are adjacent
make a pair, a coin decides which was B, and B's time is stretched by the true slowdown. Where some ran under load, pairs with a
disturbed process are dropped and tried again, as the program does. `--check` gives some of these series to the program
itself (`gnet ab --replay`) and fails where it decides otherwise.
"""

import argparse
import csv
import json
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from procedure import CLEAN, NOT_SLOWER, SLOWER, VERDICTS, Array, decide
from records import read
from summary import clopper_pearson

ROOT = pathlib.Path(__file__).resolve().parents[2]
STATISTICS = ("min", "p50", "both")
BLOCK, TRIED, LEAST = 12, 48, (16, 4)
Series = dict[str, tuple[Array, Array]]  # log times in the order of the processes, and the occupancy of each


def log_time(sample: Mapping[str, Any], statistic: str) -> float:
    """What stands for a process: with `both` the geometric mean of its fastest and its median run."""
    names = ["min_ms", "p50_ms"] if statistic == "both" else [statistic + "_ms"]
    return float(np.mean([np.log(float(sample[name])) for name in names]))


def stored(path: pathlib.Path) -> Series:
    """The processes that the procedure was designed on. Where A and B took turns, each is moved to a common median."""
    with path.open() as file:
        rows = list(csv.DictReader(file))

    def series(phases: list[str], statistic: str) -> tuple[Array, Array]:
        times: list[float] = []
        occupancy = [float(row["cpu_ms"]) / float(row["mean_ms"]) for row in rows if row["phase"] in phases]
        for phase in phases:
            of_phase = [row for row in rows if row["phase"] == phase]
            logs = np.array([log_time(row, statistic) for row in of_phase])
            labels = np.array([row["label"] for row in of_phase])
            for label in set(labels):
                logs[labels == label] -= np.median(logs[labels == label])
            times.extend(logs)
        return np.array(times), np.array(occupancy)

    kinds = {"cpu, quiet": ["A_cpu"], "tract, quiet": ["A_tract"], "cpu, noisy": ["pair320", "rot"]}
    return {f"{name}, {s}": series(phases, s) for name, phases in kinds.items() for s in STATISTICS}


def live(path: pathlib.Path) -> Series:
    """Processes of the comparisons of a model with itself, one comparison after the other."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    for record in read([path]):
        if record["plan"] not in ("aa", "loaded"):
            continue
        for statistic in STATISTICS:
            times, shares = found.setdefault(f"{record['setting']}, {record['plan']}, {statistic}", ([], []))
            for sample in record["document"]["samples"]:
                times.append(log_time(sample, statistic))
                shares.append(1.0 if sample["occupancy"] is None else sample["occupancy"])
    series = {name: (np.array(times), np.array(shares)) for name, (times, shares) in found.items()}
    return {name: its for name, its in series.items() if len(its[0]) >= 2 * BLOCK}


def pairs(series: tuple[Array, Array], comparisons: int, slowdown: float, draw: np.random.Generator) -> Array:
    """Log ratios of clean pairs, a comparison a row; NaN where a comparison gave up."""
    times, occupancy = series
    starts = draw.integers(0, len(times) - BLOCK + 1, (comparisons, 2 * TRIED // BLOCK))
    chosen = (starts[:, :, None] + np.arange(BLOCK)).reshape(comparisons, -1)
    first, second = times[chosen[:, 0::2]], times[chosen[:, 1::2]]
    coin = draw.choice([-1.0, 1.0], first.shape)
    # Times repeat in resampled blocks: what breaks ties between equal sizes at random is far below the noise.
    ratios = coin * (second - first) + np.log1p(slowdown) + draw.normal(0, 1e-9, first.shape)
    clean = (occupancy[chosen[:, 0::2]] >= CLEAN) & (occupancy[chosen[:, 1::2]] >= CLEAN)
    gives_up = clean[:, : LEAST[0]].sum(axis=1) < LEAST[1]
    order = np.argsort(~clean, axis=1, kind="stable")
    ratios, kept = np.take_along_axis(ratios, order, 1), np.take_along_axis(clean, order, 1)
    ratios[~kept] = np.nan
    ratios[gives_up] = np.nan
    return ratios[:, :24]


def rates(name: str, series: tuple[Array, Array], comparisons: int) -> list[str]:
    lines, draw = [], np.random.default_rng(1)
    for allowed in (0.0, 0.05):
        for slowdown in (0.0, 0.02, 0.03, 0.05, 0.07, 0.10):
            verdicts, used = decide(pairs(series, comparisons, slowdown, draw), allowed)
            slower, fine = int((verdicts == SLOWER).sum()), int((verdicts == NOT_SLOWER).sum())
            low, high = clopper_pearson(slower, comparisons)
            lines.append(
                f"| {name} | {100 * allowed:g} | {100 * slowdown:g} | {100 * slower / comparisons:.2f} [{100 * low:.2f}, {100 * high:.2f}] "
                f"| {100 * fine / comparisons:.2f} | {100 * (comparisons - slower - fine) / comparisons:.2f} | {used.mean():.1f} |"
            )
    return lines


def check(gnet: str, series: Series, comparisons: int) -> None:
    """Gives the program the same log ratios and compares verdicts and numbers of pairs."""
    draw, asked, wrong = np.random.default_rng(2), 0, []
    for name, its in series.items():
        for slowdown, allowed in ((0.0, 0.05), (0.03, 0.0), (0.05, 0.05), (0.10, 0.05)):
            ratios = pairs(its, comparisons, slowdown, draw)
            verdicts, used = decide(ratios, allowed)
            for row, verdict, n in zip(ratios, verdicts, used):
                if np.isnan(row).any():
                    continue
                found = replayed(gnet, row, allowed)
                asked += 1
                if (VERDICTS[found["verdict"]], found["pairs"]) != (verdict, n):
                    wrong.append(f"{name}, {allowed}: {found['verdict']} after {found['pairs']} pairs, here {verdict} after {n}")
    print("\n".join(wrong) or f"{asked} comparisons are decided alike by {gnet} and here")
    if wrong:
        sys.exit(1)


def replayed(gnet: str, ratios: Array, allowed: float) -> dict[str, Any]:
    """The program's verdict on these log ratios: A takes 1 ms, B that times the ratio."""
    times = [(pair, arm, 1.0 if arm == "A" else float(np.exp(ratio))) for pair, ratio in enumerate(ratios) for arm in "AB"]
    samples = [
        {"index": i, "pair": pair, "arm": arm, "order": 1 + i % 2, "started": "", "clean": True, "cpu_ms": None}
        | {"occupancy": None, "min_ms": ms, "p50_ms": ms, "mean_ms": ms}
        for i, (pair, arm, ms) in enumerate(times)
    ]
    side = {"label": "cpu", "model": "made.onnx", "watch": "busy", "p50_ms": None, "min_ms": None, "occupancy": None}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"statistic": "min", "a": side, "b": side, "samples": samples}, file)
        file.flush()
        words = [gnet, "ab", "--replay", file.name, "--max-regression", f"{100 * allowed:g}%", "--format", "json"]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode not in (0, 1, 4):
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr}")
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=pathlib.Path, default=ROOT / "tests/fixtures/noise_pairs.csv", help="stored processes")
    parser.add_argument("--live", type=pathlib.Path, help="what run.py appended to")
    parser.add_argument("--comparisons", type=int, default=8000)
    parser.add_argument("--check", metavar="GNET", help="hold the program against this instead")
    args = parser.parse_args()
    series = {f"stored: {name}": its for name, its in stored(args.pairs).items()}
    if args.live:
        series |= {f"new: {name}": its for name, its in live(args.live).items()}
    if args.check:
        check(args.check, series, 5)
        return
    print("SIMULATED on resampled times of processes; percentages of comparisons, slower with its exact 95 % interval.\n")
    print("| times | allowed % | true % | slower | not slower | undecided | pairs |\n| --- | --- | --- | --- | --- | --- | --- |")
    for name, its in series.items():
        print("\n".join(rates(name, its, args.comparisons)))


if __name__ == "__main__":
    main()
