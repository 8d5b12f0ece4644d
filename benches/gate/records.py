"""The file that `run.py` appends to: a JSON document a line, one for each comparison."""

import fcntl
import json
import os
import pathlib
import sys
from collections.abc import Iterable
from typing import Any

Record = dict[str, Any]


class Journal:
    """Holds the file for one experiment at a time, and what it already has."""

    def __init__(self, path: pathlib.Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = path.open("ab")
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"{path}: another experiment is appending to it")
        self.records = read([path])
        # The end of a line that a crash cut off must not swallow the next one.
        content = path.read_bytes()
        if content and not content.endswith(b"\n"):
            self._write(b"\n")

    def append(self, record: Record) -> None:
        self._write(json.dumps(record, separators=(",", ":")).encode() + b"\n")
        self.records.append(record)

    def _write(self, line: bytes) -> None:
        self.file.write(line)
        self.file.flush()
        os.fsync(self.file.fileno())

    def done(self, experiment: str) -> int:
        return sum(record["experiment"] == experiment for record in self.records)


def read(paths: Iterable[pathlib.Path]) -> list[Record]:
    records = []
    for path in paths:
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
                record["experiment"], record["document"]
            except (ValueError, KeyError, TypeError):
                print(f"{path}:{number}: is no whole record and is left out", file=sys.stderr)
                continue
            records.append(record)
    return records
