#!/usr/bin/env python3
"""What gnet's harness costs: `gnet bench` against the Python package onnxruntime, on one library and one set of options.

    benches/peers/onnxruntime_overhead.py MODEL.onnx [--gnet PROGRAM] [--rounds 15] [--batch 1] [--threads 1]

Needs Python with numpy and onnxruntime (`scripts/oracle` makes such an environment and prints its interpreter). Both sides
load the very library inside that package. They take turns, gnet, Python, Python, gnet, .., each time in a fresh process, so
that a machine that slows down or warms up does so for both. A round's ratio is gnet's median latency over Python's; what is
printed is the median of the rounds and a 95 % bootstrap interval (Efron 1979). The goal is 1.00, at most 1.02.
"""

import argparse
import json
import pathlib
import random
import statistics
import subprocess
import sys
import time


def library():
    """The shared library inside the installed package."""
    import onnxruntime

    folder = pathlib.Path(onnxruntime.__file__).parent / "capi"
    found = sorted(folder.glob("libonnxruntime.so*")) or sorted(folder.glob("onnxruntime_pybind11_state*.so"))
    return found[0]


def python_side(model, batch, threads, seconds):
    """Median latency in milliseconds of steady runs, measured the way gnet measures: bound inputs and outputs."""
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    rng = numpy.random.default_rng(1)
    for value in session.get_inputs():
        shape = [batch if not isinstance(d, int) else d for d in value.shape]
        array = rng.standard_normal(shape).astype(numpy.float32)
        binding.bind_ortvalue_input(value.name, onnxruntime.OrtValue.ortvalue_from_numpy(array))
    for value in session.get_outputs():
        binding.bind_output(value.name, "cpu")
    for _ in range(50):
        session.run_with_iobinding(binding)
    samples = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        session.run_with_iobinding(binding)
        samples.append(time.perf_counter() - start)
    return statistics.median(samples) * 1e3


def gnet_side(gnet, model, batch, threads, seconds, lib):
    command = [gnet, "bench", model, "--provider", "cpu", "--batch", str(batch), "--threads", str(threads)]
    command += ["--min-time", str(seconds), "--format", "json", "--ort-lib", str(lib)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"gnet bench failed: {done.stderr.strip()}")
    return json.loads(done.stdout)["runs"][0]["latency_ms"]["p50"]


def interval(ratios, draws=10_000):
    """The middle 95 % of the medians of resampled rounds."""
    rng = random.Random(1)
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(draws))
    return medians[int(0.025 * draws)], medians[int(0.975 * draws)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--gnet", default="target/release/gnet")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1.0, help="steady state of one side of a round")
    parser.add_argument("--python-side", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error("--rounds must be at least 1")
    if args.python_side:
        print(python_side(args.model, args.batch, args.threads, args.seconds))
        return

    lib = library()

    def python():
        own = [sys.executable, __file__, args.model, "--python-side", "--batch", str(args.batch)]
        own += ["--threads", str(args.threads), "--seconds", str(args.seconds)]
        done = subprocess.run(own, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"the Python side failed: {done.stderr.strip()}")
        return float(done.stdout)

    def gnet():
        return gnet_side(args.gnet, args.model, args.batch, args.threads, args.seconds, lib)

    rounds = []
    for number in range(args.rounds):
        if number % 2 == 0:
            ours = gnet()
            theirs = python()
        else:
            theirs = python()
            ours = gnet()
        rounds.append((ours, theirs))
        print(f"round {number + 1:2}: gnet {ours:.4f} ms, Python {theirs:.4f} ms, ratio {ours / theirs:.4f}", file=sys.stderr)
    ratios = [ours / theirs for ours, theirs in rounds]
    low, high = interval(ratios)
    print(json.dumps({
        "schema_version": 1,
        "model": pathlib.Path(args.model).name,
        "batch": args.batch,
        "threads": args.threads,
        "rounds": args.rounds,
        "gnet_ms": statistics.median(ours for ours, _ in rounds),
        "python_ms": statistics.median(theirs for _, theirs in rounds),
        "ratio": statistics.median(ratios),
        "ratio_95": [low, high],
    }, indent=2))


if __name__ == "__main__":
    main()
