#!/usr/bin/env python3
"""How much do two equal processes differ when they run one after the other, and when they take turns?

    target/oracle/bin/python benches/gate/turns.py target/gate/models/base.onnx [--minutes 2.5] [--slice 10] [--core 0]

Both processes of a pair load the model into ONNX Runtime and stay alive. Each measures 0.3 s on its own, in a random order; then
they take turns of `--slice` ms, in a random order each time, until both have measured another 0.3 s. The first run of a turn does not
count. What is left of the ratio of two equal processes is noise: `sd` is its standard deviation over the pairs, `robust` that of
the middle. Nothing of gnet runs here.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time

import numpy as np

from procedure import log_ratio

STEADY = 0.3
STATISTICS = ("min", "p50", "both")
Turns = dict[str, list[float]]


def worker(model: str, cores: list[int], threads: int, batch: int) -> None:
    """Measures for as many seconds as each line on stdin says, and answers with the times of the runs in ms."""
    os.sched_setaffinity(0, cores)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    source = session.get_inputs()[0]
    shape = [size if isinstance(size, int) else batch for size in source.shape]
    feed = {source.name: np.random.default_rng(0).standard_normal(shape).astype(np.float32)}
    for _ in range(30):
        session.run(None, feed)
    print("ready", flush=True)
    for line in sys.stdin:
        session.run(None, feed)
        end, times = time.perf_counter_ns() + int(1e9 * float(line)), []
        now = time.perf_counter_ns()
        while now < end or len(times) < 3:
            before = now
            session.run(None, feed)
            now = time.perf_counter_ns()
            times.append((now - before) / 1e6)
        print(json.dumps(times), flush=True)


class Process:
    """A process that has the model loaded and waits for its turn."""

    def __init__(self, model: str, cores: list[int], threads: int = 1, batch: int = 1) -> None:
        words = [sys.executable, __file__, model, "--core", ",".join(map(str, cores)), "--worker"]
        words += ["--threads", str(threads), "--batch", str(batch)]
        self.child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.child.stdin and self.child.stdout
        self.to, self.of = self.child.stdin, self.child.stdout
        if self.of.readline() != "ready\n":
            sys.exit(f"{model}: the process that runs it ended with {self.child.wait()}")

    def measure(self, seconds: float) -> list[float]:
        self.to.write(f"{seconds}\n")
        self.to.flush()
        return json.loads(self.of.readline())

    def end(self) -> None:
        self.to.close()
        self.child.wait()


def in_turns(pair: list[Process], seconds: float, count: int, draw: random.Random) -> list[dict[str, Turns]]:
    """The fastest and the median run of each process in each turn."""
    found: list[dict[str, Turns]] = [{"turns": {"min_ms": [], "p50_ms": []}} for _ in pair]
    for _ in range(count):
        for which in draw.sample(range(len(pair)), len(pair)):
            times, turns = pair[which].measure(seconds), found[which]["turns"]
            turns["min_ms"].append(min(times))
            turns["p50_ms"].append(statistics.median(times))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--minutes", type=float, default=2.5)
    parser.add_argument("--slice", type=float, default=10, help="ms of one turn")
    parser.add_argument("--core", default="0", help="the cores to measure on, such as 0,1")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    cores = [int(core) for core in args.core.split(",")]
    if args.worker:
        return worker(args.model, cores, args.threads, args.batch)
    # This script stays off the cores that are measured, where there are others.
    os.sched_setaffinity(0, os.sched_getaffinity(0) - set(cores) or set(cores))
    draw, until = random.Random(args.seed), time.monotonic() + 60 * args.minutes
    found: dict[str, list[float]] = {}
    while time.monotonic() < until:
        pair = [Process(args.model, cores, args.threads, args.batch) for _ in range(2)]
        for order, seconds in (("one after the other", STEADY), ("in turns", args.slice / 1e3)):
            a, b = in_turns(pair, seconds, round(STEADY / seconds), draw)
            for statistic in STATISTICS:
                found.setdefault(f"{order}: {statistic}", []).append(log_ratio(a, b, statistic))
        for process in pair:
            process.end()
    for name, ratios in found.items():
        middle = statistics.median(ratios)
        robust = 1.4826 * statistics.median(abs(ratio - middle) for ratio in ratios)
        print(f"{name:34} {len(ratios)} pairs  sd {100 * statistics.pstdev(ratios):5.2f} %  robust {100 * robust:5.2f} %")


if __name__ == "__main__":
    main()
