"""What the scripts of this folder share: an environment for the peers, and processes measured side by side."""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]


def environment(name, packages):
    """The interpreter of a virtual environment target/NAME with exactly these packages."""
    home = ROOT / "target" / name
    installed = home / "installed.txt"
    python = home / "bin" / "python"
    if not installed.exists() or installed.read_text() != "\n".join(packages):
        venv.create(home, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True, stdout=sys.stderr)
        installed.write_text("\n".join(packages))
    return str(python)


def measured(command):
    """One process: what it printed, milliseconds, peak bytes. `None` and a reason when it failed."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        elapsed = (time.perf_counter() - start) * 1e3
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            lines = errors.read().decode(errors="replace").strip().splitlines()
            return None, f"exit {process.returncode}: {lines[-1] if lines else 'no message'}"
        # Linux counts in KiB, macOS in bytes.
        peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        cpu = (usage.ru_utime + usage.ru_stime) * 1e3
        return {"answer": json.loads(out.read()), "ms": elapsed, "cpu_ms": cpu, "peak_bytes": peak}, None


def side_by_side(sides, rounds, kept):
    """Each side `rounds` times, taking turns; a side that fails once is left out with the reason.

    `sides` maps names to commands that print JSON. Of its keys those that end in `_ms` are measurements, of which the median
    is taken as of the rest, and `kept` are answers.
    """
    runs, failures = {name: [] for name in sides}, {}
    for number in range(rounds):
        order = list(sides) if number % 2 == 0 else list(reversed(sides))
        for name in order:
            if name not in failures:
                run, reason = measured(sides[name])
                if run is None:
                    failures[name] = reason
                else:
                    runs[name].append(run)
    result = {}
    for name in sides:
        if name in failures:
            result[name] = {"failed": failures[name]}
            continue
        middle = lambda pick: round(statistics.median(pick(run) for run in runs[name]), 2)
        entry = {"ms": middle(lambda r: r["ms"]), "cpu_ms": middle(lambda r: r["cpu_ms"])}
        entry["peak_mb"] = middle(lambda r: r["peak_bytes"] / 1e6)
        answer = runs[name][0]["answer"]
        for key in (key for key in answer if key.endswith("_ms")):
            entry[key] = middle(lambda r: r["answer"][key])
        result[name] = entry | {"answer": {key: value for key, value in answer.items() if key in kept}}
    return result


def with_ratios(result):
    """The peers' numbers over gnet's; of the parts that a peer timed itself over gnet's whole process."""
    ours = result["gnet"]
    for name, theirs in result.items():
        if name != "gnet" and "ms" in ours and "ms" in theirs:
            parts = [key for key in theirs if key.endswith("_ms") and key != "cpu_ms"]
            theirs["ratio"] = {"time": round(theirs["ms"] / ours["ms"], 1), "memory": round(theirs["peak_mb"] / ours["peak_mb"], 1)}
            theirs["ratio"]["cpu"] = round(theirs["cpu_ms"] / ours["cpu_ms"], 1)
            theirs["ratio"] |= {key.removesuffix("_ms"): round(theirs[key] / ours["ms"], 1) for key in parts}
    return result
