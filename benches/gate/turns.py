#!/usr/bin/env python3
"""How much do two equal processes differ when they run one after the other, and when they take turns?

    target/oracle/bin/python benches/gate/turns.py target/gate/models/base.onnx [--minutes 2.5] [--slice 25] [--core 0]

Both processes of a pair load the model into ONNX Runtime (one thread) and stay alive. Each measures 0.3 s on its own, in a
random order; then they take turns of `--slice` ms, in a random order each time, until both have measured another 0.3 s. What is
left of the ratio of two equal processes is noise: `sd` is its standard deviation over the pairs, `robust` that of the middle.
"""

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import time

ALONE = 0.3


def worker(model: str, core: int) -> None:
    """Measures for as many seconds as each line on stdin says, and answers with the times of the runs in ns."""
    os.sched_setaffinity(0, {core})
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    source = session.get_inputs()[0]
    shape = [size if isinstance(size, int) else 1 for size in source.shape]
    feed = {source.name: numpy.random.default_rng(0).standard_normal(shape).astype(numpy.float32)}
    for _ in range(30):
        session.run(None, feed)
    print("ready", flush=True)
    for line in sys.stdin:
        end, times = time.perf_counter_ns() + int(1e9 * float(line)), []
        now = time.perf_counter_ns()
        while now < end:
            before = now
            session.run(None, feed)
            now = time.perf_counter_ns()
            times.append(now - before)
        print(json.dumps(times), flush=True)


class Process:
    def __init__(self, model: str, core: int) -> None:
        words = [sys.executable, __file__, model, "--core", str(core), "--worker"]
        self.child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.child.stdin and self.child.stdout
        self.to, self.of = self.child.stdin, self.child.stdout
        self.of.readline()

    def measure(self, seconds: float) -> list[int]:
        self.to.write(f"{seconds}\n")
        self.to.flush()
        return json.loads(self.of.readline())

    def end(self) -> None:
        self.to.close()
        self.child.wait()


def turns(pair: list[Process], seconds: float, count: int, draw: random.Random) -> list[list[list[int]]]:
    """The times of each process in each turn."""
    times: list[list[list[int]]] = [[], []]
    for _ in range(count):
        for which in draw.sample([0, 1], 2):
            times[which].append(pair[which].measure(seconds))
    return times


def logs(times: list[list[list[int]]]) -> dict[str, float]:
    """Log ratios of the two processes, of the fastest and the median run of all turns, and the median over turns of each."""
    whole = [[run for turn in turns for run in turn] for turns in times]
    of = lambda statistic, a, b: math.log(statistic(b) / statistic(a))
    each = lambda statistic: statistics.median(of(statistic, a, b) for a, b in zip(*times))
    median = statistics.median
    return {"min": of(min, *whole), "p50": of(median, *whole), "min by turn": each(min), "p50 by turn": each(median)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--minutes", type=float, default=2.5)
    parser.add_argument("--slice", type=float, default=25, help="ms of one turn")
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return worker(args.model, args.core)
    # This script stays off the core that is measured, where there is another.
    os.sched_setaffinity(0, os.sched_getaffinity(0) - {args.core} or {args.core})
    draw, until = random.Random(args.seed), time.monotonic() + 60 * args.minutes
    found: dict[str, list[float]] = {}
    while time.monotonic() < until:
        pair = [Process(args.model, args.core) for _ in range(2)]
        for order, seconds in (("one after the other", ALONE), ("in turns", args.slice / 1e3)):
            times = turns(pair, seconds, round(ALONE / seconds), draw)
            for statistic, ratio in logs(times).items():
                found.setdefault(f"{order}: {statistic}", []).append(ratio)
        for process in pair:
            process.end()
    for name, ratios in found.items():
        middle = statistics.median(ratios)
        robust = 1.4826 * statistics.median(abs(ratio - middle) for ratio in ratios)
        print(f"{name:34} {len(ratios)} pairs  sd {100 * statistics.pstdev(ratios):5.2f} %  robust {100 * robust:5.2f} %")


if __name__ == "__main__":
    main()
