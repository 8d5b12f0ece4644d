"""What the machine is, how busy it is, and work that makes it busy."""

import hashlib
import os
import pathlib
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

Ticks = dict[int, tuple[int, int]]

# A core that is to be measured may be busy for this share of a second before; the others share its caches and memory.
MEASURED, OTHERS, SPIN = 0.05, 0.20, 0.97


def facts(gnet: str) -> dict[str, Any]:
    names = [line.split(":", 1)[1].strip() for line in lines("/proc/cpuinfo") if line.startswith("model name")]
    version = subprocess.run([gnet, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    return {
        "cpu": names[0] if names else "unknown",
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "governor": "".join(lines("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")) or None,
        "gnet": version,
        "gnet_sha256": hashlib.sha256(pathlib.Path(gnet).read_bytes()).hexdigest(),
    }


def ticks() -> Ticks:
    """Ticks since the start of each core: those in which it worked, or waited for its host, and all."""
    found = {}
    for line in lines("/proc/stat"):
        name, *values = line.split()
        if name.startswith("cpu") and name != "cpu":
            numbers = [int(value) for value in values[:8]]
            found[int(name[3:])] = (sum(numbers) - numbers[3] - numbers[4], sum(numbers))
    return found


def busy(before: Ticks, after: Ticks) -> dict[int, float]:
    shares = {core: (after[core][0] - worked, after[core][1] - all) for core, (worked, all) in before.items() if core in after}
    return {core: worked / all for core, (worked, all) in shares.items() if all}


def not_quiet(measured: list[int]) -> str | None:
    """Why the cores are not quiet, after a look of a second and a short trial on each measured core."""
    before = ticks()
    time.sleep(1)
    for core, share in busy(before, ticks()).items():
        limit = MEASURED if core in measured else OTHERS
        if share > limit:
            return f"core {core} was busy for {100 * share:.0f} % of a second, above {100 * limit:.0f} %"
    trial = "import time\nt, c = time.perf_counter(), time.process_time()\nwhile time.perf_counter() < t + 0.3: pass\n"
    trial += "print((time.process_time() - c) / (time.perf_counter() - t))"
    for core in measured:
        words = ["taskset", "-c", str(core), sys.executable, "-c", trial]
        share = float(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout)
        if share < SPIN:
            return f"a busy loop had core {core} for only {100 * share:.0f} % of its time"
    return None


def watch(program: subprocess.Popen[str], models: set[str], turn: Callable[[str, str], None]) -> None:
    """Calls `turn` with the number of a process that the program started, and its model, whenever another one begins to run.

    A process maps its file about 5 ms after it began and for as long as it is loaded, which takes over 100 ms. From then on the one
    that runs, or would if it had a core, is the one whose turn it is; the other waits for an order."""
    known: dict[str, str] = {}
    current = None
    while program.poll() is None:
        for pid in children(program.pid):
            if pid not in known:
                found = models & {pathlib.Path(line.split()[-1]).name for line in lines(f"/proc/{pid}/maps") if "/" in line}
                if found:
                    known[pid] = found.pop()
            if pid in known and pid != current and runs(pid):
                current = pid
                turn(pid, known[pid])
        time.sleep(0.0005)


def runs(pid: str) -> bool:
    """Whether the process runs, or is ready to."""
    return any(line.rpartition(")")[2].split()[0] == "R" for line in lines(f"/proc/{pid}/stat"))


def children(pid: int) -> set[str]:
    tasks = pathlib.Path(f"/proc/{pid}/task")
    try:
        return {child for task in tasks.iterdir() for line in lines(str(task / "children")) for child in line.split()}
    except OSError:
        return set()


def lines(path: str) -> list[str]:
    try:
        return pathlib.Path(path).read_text().splitlines()
    except OSError:
        return []


class Loader:
    """A busy loop on each of some cores, which can be switched on and off at once."""

    # It ends with its parent, also where that is killed.
    LOOP = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    for _ in range(100000): pass"

    def __init__(self, cores: list[int]) -> None:
        words = [["taskset", "-c", str(core), sys.executable, "-c", self.LOOP] for core in cores]
        self.loops = [subprocess.Popen(word, start_new_session=True) for word in words]
        self.switch(False)

    def switch(self, on: bool) -> None:
        for loop in self.loops:
            loop.send_signal(signal.SIGCONT if on else signal.SIGSTOP)

    def end(self) -> None:
        for loop in self.loops:
            loop.kill()
            loop.wait()
