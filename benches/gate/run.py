#!/usr/bin/env python3
"""Experiments on `gnet ab`, one comparison after the other, each appended to a file as it ends.

    target/oracle/bin/python benches/gate/run.py --plan aa|loaded|planted|load-b|true [--minutes 60] [--core 0] ..

The same command continues where it was, after Ctrl-C, a crash, or --minutes. See README.md beside this file.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import machine
import turns
from procedure import log_ratio
from records import Journal

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Exit codes of `gnet ab` that carry a verdict: not slower, slower, undecided.
VERDICTS = (0, 1, 4)
BASE, SAME = "base.onnx", "same.onnx"


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Comparisons of one kind. `plant` is what is compared with the base; the base itself where there is none."""

    plan: str
    count: int
    plant: str | None = None
    allowed: float = 0.05
    load: str = "none"

    def name(self, setting: str) -> str:
        what = f"{self.plant} at {100 * self.allowed:g}%" if self.plant else "A/A"
        return f"{setting}: {self.plan} {what}"


def experiments(plan: str, plants: list[str], allowed: list[float], count: int | None) -> list[Experiment]:
    of = lambda usual, **rest: Experiment(plan, count or usual, **rest)
    return {
        "aa": lambda: [of(300)],
        "loaded": lambda: [of(100, load="half")],
        "load-b": lambda: [of(50, load="b")],
        "planted": lambda: [of(100, plant=plant, allowed=share) for plant in plants for share in allowed],
        "true": lambda: [of(60)],
    }[plan]()


class Bench:
    """The program with its settings on the cores to measure on."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.gnet, self.folder, self.statistic = args.gnet, args.models, args.statistic
        self.cores = [int(core) for core in args.core.split(",")]
        self.threads, self.batch = args.threads, args.batch
        self.flags = ["--provider", args.provider, "--threads", str(args.threads), "--batch", str(args.batch)]
        self.setting = f"{args.provider}, batch {args.batch}, {args.threads} thread{'s' * (args.threads > 1)}"
        self.setting += f", {args.statistic}" if args.statistic else ""
        if args.threads > len(self.cores):
            sys.exit(f"--threads {args.threads}: give as many cores, such as --core 0,1")
        usable = os.sched_getaffinity(0)
        if missing := set(self.cores) - usable:
            sys.exit(f"--core {args.core}: core {min(missing)} is not among those of this process, {sorted(usable)}")
        if not os.access(self.gnet, os.X_OK):
            sys.exit(f"{self.gnet}: is no program; `cargo build --release` makes it, --gnet names another")
        # The script stays off the cores that are measured, where there are others.
        os.sched_setaffinity(0, usable - set(self.cores) or usable)

    def start(self, *words: str) -> subprocess.Popen[str]:
        pinned = ["taskset", "-c", ",".join(map(str, self.cores)), self.gnet, *words, *self.flags, "--format", "json"]
        # In a session of its own: Ctrl-C reaches this script alone, which then ends it.
        return subprocess.Popen(
            pinned, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )  # fmt: skip

    def comparison(self, experiment: Experiment, seed: int) -> dict[str, Any]:
        """One comparison, with the load that the experiment wants while its processes run."""
        # The same content has another name as B: that is how a process of B is told from one of A.
        arms = {BASE: "A", f"{experiment.plant}.onnx" if experiment.plant else SAME: "B"}
        words = ["ab", *(str(self.folder / name) for name in arms)]
        words += ["--max-regression", f"{100 * experiment.allowed:g}%", "--seed", str(seed)]
        words += ["--statistic", self.statistic] if self.statistic else []
        child = self.start(*words)
        if experiment.load == "none":
            code, document = ended(child, VERDICTS)
            return {"exit": code, "loaded": None, "document": document}
        # The load of each process is decided once, and is on whenever it is that process's turn.
        draw, loads = random.Random(seed), dict[str, tuple[str, bool]]()
        wanted = {"half": lambda _: draw.random() < 0.5, "b": lambda arm: arm == "B"}[experiment.load]
        loader = machine.Loader(self.cores)

        def turn(pid: str, model: str) -> None:
            if pid not in loads:
                loads[pid] = (arms[model], wanted(arms[model]))
            loader.switch(loads[pid][1])

        watcher = threading.Thread(target=machine.watch, args=(child, set(arms), turn))
        watcher.start()
        try:
            code, document = ended(child, VERDICTS)
        finally:
            watcher.join()
            loader.end()
        seen, ran = [arm for arm, _ in loads.values()], [sample["arm"] for sample in document["samples"]]
        if seen[: len(ran)] != ran:
            sys.exit(f"processes of {''.join(seen)} were seen, and {''.join(ran)} ran: their load is not known")
        return {"exit": code, "loaded": [load for _, load in loads.values()], "document": document}

    def block(self, names: list[str], seed: int) -> dict[str, Any]:
        """Each model in turns with the base, in ONNX Runtime for Python."""
        draw, found = random.Random(seed), []
        for name in draw.sample(names, len(names)):
            files = [str(self.folder / BASE), str(self.folder / f"{name}.onnx")]
            pair: dict[int, turns.Process] = {}
            for which in draw.sample([0, 1], 2):
                pair[which] = turns.Process(files[which], self.cores, self.threads, self.batch)
            a, b = turns.in_turns([pair[0], pair[1]], 0.01, 30, draw)
            for process in pair.values():
                process.end()
            found.append({"name": name} | {statistic: log_ratio(a, b, statistic) for statistic in turns.STATISTICS})
        return {"exit": 0, "loaded": None, "document": {"pairs": found}}


def ended(child: subprocess.Popen[str], codes: tuple[int, ...]) -> tuple[int, Any]:
    """Waits for the program and reads its document. It does not outlive this script."""
    try:
        out, said = child.communicate()
    except BaseException:
        child.terminate()
        child.wait()
        raise
    # A program that wrote no document says nothing by its exit code.
    if child.returncode not in codes or not out:
        sys.exit(f"{' '.join(map(str, child.args))} ended with {child.returncode}:\n{said[-2000:]}")
    return child.returncode, json.loads(out)


def next_ones(wanted: list[Experiment], bench: Bench, journal: Journal) -> Iterator[tuple[Experiment, int]]:
    """The next comparison again and again, of the experiment that has the smallest share of its own."""
    while True:
        open_ones = [(journal.done(e.name(bench.setting)) / e.count, i) for i, e in enumerate(wanted)]
        share, i = min(open_ones)
        if share >= 1:
            return
        yield wanted[i], journal.done(wanted[i].name(bench.setting))


def wait_for_quiet(bench: Bench, anyway: bool, first: bool, until: float) -> bool:
    """Whether the cores are quiet before `until`. Refuses to begin where they are not."""
    while not anyway and (reason := machine.not_quiet(bench.cores)):
        if first:
            sys.exit(f"the cores are not quiet: {reason}; --anyway measures all the same")
        print(f"waiting: {reason}", file=sys.stderr)
        time.sleep(10)
        if time.monotonic() > until:
            return False
    return True


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", required=True, choices=["aa", "loaded", "planted", "load-b", "true"])
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "target/gate/comparisons.jsonl")
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / "target/gate/models", help="where plant.py wrote to")
    parser.add_argument("--plants", help="some of the planted models, such as p5,p10 [default: all]")
    parser.add_argument("--allowed", default="0,5", help="percent allowed with planted models [default: 0,5]")
    parser.add_argument("--gnet", default=str(ROOT / "target/release/gnet"))
    parser.add_argument("--provider", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--statistic", choices=["min", "p50", "both"], help="[default: the program's]")
    parser.add_argument("--core", default="0", help="the cores to measure on, such as 0,1")
    parser.add_argument("--count", type=int, help="comparisons of each experiment [default: the plan's]")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="end after the comparison that crosses this")
    parser.add_argument("--seed", type=int, default=1, help="of the whole experiment")
    parser.add_argument("--anyway", action="store_true", help="measure on cores that are not quiet; the records say so")
    return parser.parse_args()


def chosen(manifest: pathlib.Path, asked: str | None) -> list[str]:
    """The planted models that were asked for, or all."""
    if not manifest.exists():
        sys.exit(f"{manifest}: is not there; plant.py makes it (README.md beside this file), --models names another folder")
    made = [plant["name"] for plant in json.loads(manifest.read_text())["plants"]]
    plants = asked.split(",") if asked else made
    if unknown := set(plants) - set(made):
        sys.exit(f"--plants: {manifest} has no {', '.join(sorted(unknown))}")
    return plants


def main() -> None:
    args = arguments()
    if args.plan == "true" and args.provider != "cpu":
        sys.exit("--plan true runs ONNX Runtime for Python; summary.py takes other providers' slowdowns from their own pairs")
    plants = chosen(args.models / "plants.json", args.plants)
    bench, journal = Bench(args), Journal(args.out)
    shutil.copyfile(args.models / BASE, args.models / SAME)
    facts, until, first = machine.facts(args.gnet), time.monotonic() + 60 * args.minutes, True
    allowed = [float(percent) / 100 for percent in args.allowed.split(",")]
    for experiment, index in next_ones(experiments(args.plan, plants, allowed, args.count), bench, journal):
        if time.monotonic() > until or not wait_for_quiet(bench, args.anyway, first, until):
            break
        first = False
        name = experiment.name(bench.setting)
        seed = random.Random(f"{args.seed} {name} {index}").getrandbits(32)
        before, began, started = machine.ticks(), time.monotonic(), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        found = bench.block(plants, seed) if args.plan == "true" else bench.comparison(experiment, seed)
        shares = machine.busy(before, machine.ticks())
        others = [share for core, share in shares.items() if core not in bench.cores]
        journal.append(
            {
                "experiment": name,
                "setting": bench.setting,
                **dataclasses.asdict(experiment),
                "index": index,
                "seed": seed,
                "time": started,
                "seconds": time.monotonic() - began,
                "anyway": args.anyway,
                "others_busy": max(others, default=None),
                "load_average": os.getloadavg()[0],
                "machine": facts,
                **found,
            }
        )
        verdict = found["document"].get("verdict", "measured")
        print(f"{name}: {index + 1}/{experiment.count} {verdict}", file=sys.stderr)


if __name__ == "__main__":
    # Also where a shell started this in the background, which ignores Ctrl-C, and where it is ended by another program.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        main()
    except KeyboardInterrupt:
        print("interrupted; the same command continues", file=sys.stderr)
        sys.exit(130)
