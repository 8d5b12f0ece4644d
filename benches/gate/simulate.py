#!/usr/bin/env python3
"""What live time does not suffice for: the procedure of `gnet ab` on resampled times of real processes. No live figures.

    target/oracle/bin/python benches/gate/simulate.py [--pairs tests/fixtures/noise_pairs.csv] [--live target/gate/comparisons.jsonl]
        [--comparisons 8000] [--check target/release/gnet]

Processes that followed one another are drawn in blocks of twelve, so that drift and bursts stay in them; those that took turns are
pairs already, of the others two that are adjacent make one. A coin decides which was B, and B's time is stretched by the true slowdown. Where some ran under load, pairs with a
disturbed process are dropped and tried again, as the program does. `--check` gives some of these series to the program
itself (`gnet ab --replay`) and fails where it decides otherwise.
"""

import argparse
import csv
import dataclasses
import json
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from procedure import CLEAN, NOT_SLOWER, SLOWER, VERDICTS, Array, decide, log_time, pairs
from records import Record, read
from summary import clopper_pearson

ROOT = pathlib.Path(__file__).resolve().parents[2]
STATISTICS = ("min", "p50", "both")
BLOCK, TRIED, LEAST = 12, 48, (16, 4)


@dataclasses.dataclass(frozen=True)
class Processes:
    """Processes that ran one after the other: log times in their order, and the occupancy of each."""

    times: Array
    occupancy: Array

    def draw(self, comparisons: int, draw: np.random.Generator) -> tuple[Array, NDArray[np.bool_]]:
        """Ratios of adjacent processes and whether both were undisturbed, `TRIED` for each comparison."""
        starts = draw.integers(0, len(self.times) - BLOCK + 1, (comparisons, 2 * TRIED // BLOCK))
        chosen = (starts[:, :, None] + np.arange(BLOCK)).reshape(comparisons, -1)
        one, other = chosen[:, 0::2], chosen[:, 1::2]
        return self.times[other] - self.times[one], (self.occupancy[one] >= CLEAN) & (self.occupancy[other] >= CLEAN)


@dataclasses.dataclass(frozen=True)
class InTurns:
    """Pairs of processes that took turns: log ratios in their order, and which of them count."""

    ratios: Array
    clean: NDArray[np.bool_]

    def draw(self, comparisons: int, draw: np.random.Generator) -> tuple[Array, NDArray[np.bool_]]:
        starts = draw.integers(0, len(self.ratios) - BLOCK // 2 + 1, (comparisons, 2 * TRIED // BLOCK))
        chosen = (starts[:, :, None] + np.arange(BLOCK // 2)).reshape(comparisons, -1)
        return self.ratios[chosen], self.clean[chosen]


Series = dict[str, Processes | InTurns]


def stored(path: pathlib.Path) -> Series:
    """The processes that the procedure was designed on. Where A and B took turns, each is moved to a common median."""
    with path.open() as file:
        rows = list(csv.DictReader(file))

    def series(phases: list[str], statistic: str) -> Processes:
        times: list[float] = []
        occupancy = [float(row["cpu_ms"]) / float(row["mean_ms"]) for row in rows if row["phase"] in phases]
        for phase in phases:
            of_phase = [row for row in rows if row["phase"] == phase]
            logs = np.array([float(log_time(row, statistic)) for row in of_phase])
            labels = np.array([row["label"] for row in of_phase])
            for label in set(labels):
                logs[labels == label] -= np.median(logs[labels == label])
            times.extend(logs)
        return Processes(np.array(times), np.array(occupancy))

    kinds = {"cpu, quiet": ["A_cpu"], "tract, quiet": ["A_tract"], "cpu, noisy": ["pair320", "rot"]}
    return {f"{name}, {s}": series(phases, s) for name, phases in kinds.items() for s in STATISTICS}


def live(path: pathlib.Path) -> Series:
    """Pairs of the comparisons of a model with itself, one comparison after the other."""
    found: dict[str, list[tuple[Array, NDArray[np.bool_]]]] = {}
    for record in read([path]):
        if record["plan"] in ("aa", "loaded"):
            for statistic in STATISTICS:
                its = found.setdefault(f"{record['setting']}, {record['plan']}, {statistic}", [])
                its.append(pairs(record["document"]["samples"], statistic))
    series = {name: InTurns(*map(np.concatenate, zip(*its))) for name, its in found.items()}
    return {name: its for name, its in series.items() if len(its.ratios) >= BLOCK}


def resampled(series: Processes | InTurns, comparisons: int, slowdown: float, draw: np.random.Generator) -> Array:
    """Log ratios of clean pairs, a comparison a row; NaN where a comparison gave up."""
    ratios, clean = series.draw(comparisons, draw)
    coin = draw.choice([-1.0, 1.0], ratios.shape)
    # Times repeat in resampled blocks: what breaks ties between equal sizes at random is far below the noise.
    ratios = coin * ratios + np.log1p(slowdown) + draw.normal(0, 1e-9, ratios.shape)
    gives_up = clean[:, : LEAST[0]].sum(axis=1) < LEAST[1]
    order = np.argsort(~clean, axis=1, kind="stable")
    ratios, kept = np.take_along_axis(ratios, order, 1), np.take_along_axis(clean, order, 1)
    ratios[~kept] = np.nan
    ratios[gives_up] = np.nan
    return ratios[:, :24]


def rates(name: str, series: Processes | InTurns, comparisons: int) -> list[str]:
    lines, draw = [], np.random.default_rng(1)
    for allowed in (0.0, 0.05):
        for slowdown in (0.0, 0.02, 0.03, 0.05, 0.07, 0.10):
            verdicts, used = decide(resampled(series, comparisons, slowdown, draw), allowed)
            slower, fine = int((verdicts == SLOWER).sum()), int((verdicts == NOT_SLOWER).sum())
            low, high = clopper_pearson(slower, comparisons)
            lines.append(
                f"| {name} | {100 * allowed:g} | {100 * slowdown:g} | {100 * slower / comparisons:.2f} [{100 * low:.2f}, {100 * high:.2f}] "
                f"| {100 * fine / comparisons:.2f} | {100 * (comparisons - slower - fine) / comparisons:.2f} | {used.mean():.1f} |"
            )
    return lines


def check(gnet: str, series: Series, comparisons: int, records: list[Record]) -> None:
    """Gives the program the same log ratios, takes those of its records, and compares verdicts and numbers of pairs."""
    draw, asked, wrong = np.random.default_rng(2), 0, []
    for name, its in series.items():
        for slowdown, allowed in ((0.0, 0.05), (0.03, 0.0), (0.05, 0.05), (0.10, 0.05)):
            ratios = resampled(its, comparisons, slowdown, draw)
            verdicts, used = decide(ratios, allowed)
            for row, verdict, n in zip(ratios, verdicts, used):
                if np.isnan(row).any():
                    continue
                found = replayed(gnet, row, allowed)
                asked += 1
                if (VERDICTS[found["verdict"]], found["pairs"]) != (verdict, n):
                    wrong.append(f"{name}, {allowed}: {found['verdict']} after {found['pairs']} pairs, here {verdict} after {n}")
    for record in records:
        document, asked = record["document"], asked + 1
        ratios, clean = pairs(document["samples"], document["statistic"])
        row = np.full((1, 24), np.nan)
        row[0, : clean.sum()] = ratios[clean]
        verdicts, used = decide(row, document["max_regression"])
        if (VERDICTS[document["verdict"]], document["pairs"]) != (verdicts[0], used[0]):
            wrong.append(f"{record['experiment']} {record['index']}: {document['verdict']} after {document['pairs']} pairs")
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
        made = [record for record in read([args.live] if args.live else []) if record["plan"] != "true"]
        check(args.check, series, 5, made)
        return
    print("SIMULATED on resampled times of processes; percentages of comparisons, slower with its exact 95 % interval.\n")
    print("| times | allowed % | true % | slower | not slower | undecided | pairs |\n| --- | --- | --- | --- | --- | --- | --- |")
    for name, its in series.items():
        print("\n".join(rates(name, its, args.comparisons)))


if __name__ == "__main__":
    main()
