"""Runs the faults that are asked for, prints what became of each, and keeps it as JSON."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.faults import FAULTS
from tests.faults.hub import Hub, Late, running
from tests.faults.run import Result, Run

RESULTS = Path(__file__).parent / "results" / "latest.json"
DATABASES = ("postgresql", "sqlite")
FULL_SIZE = 20_000
BRIEF_SIZE = 300


def run(hub: Hub, name: str, size: int, brief: bool) -> Result:
    """One fault on an installation that runs, and may have seen others before."""
    fault = FAULTS[name]
    under = Run(hub, name, max(size, fault.least), brief, fault.parts, fault.refused)
    try:
        fault.strike(under)
    except Late as late:
        under.result.wrong.append(str(late))
    except Exception as error:
        traceback.print_exc()
        under.result.wrong.append(f"the run broke off: {error!r}")
    return under.finish()


def main() -> int:
    options = _options()
    results = []
    for database in options.database:
        for name in options.names or FAULTS:
            if database != "sqlite" or FAULTS[name].sqlite:
                results.append(_run_alone(database, name, options))
    print(table(results))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    document = _circumstances(options) | {"runs": [dataclasses.asdict(result) for result in results]}
    options.json.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    return 1 if any(result.wrong for result in results) else 0


def _run_alone(database: str, name: str, options: argparse.Namespace) -> Result:
    """On an installation of its own."""
    print(f"{database}: {FAULTS[name].sentence} …", end=" ", file=sys.stderr, flush=True)
    with running(database, options.brief) as hub:
        result = run(hub, name, options.size, options.brief)
        print(f"{result.seconds:.0f} s, {'WRONG' if result.wrong else 'all is well'}", file=sys.stderr, flush=True)
        if result.wrong and options.logs:
            hub.keep_logs(options.logs / f"{database}-{name}")
    return result


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(FAULTS)} (all)")
    parser.add_argument("--size", type=int, help=f"mails of each run ({FULL_SIZE}; brief {BRIEF_SIZE})")
    parser.add_argument("--database", choices=DATABASES, action="append", help="on which; may be repeated (both)")
    parser.add_argument("--brief", action="store_true", help="each fault for a moment only, as `make test` does")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the results are kept as JSON")
    parser.add_argument("--logs", type=Path, help="a folder for what the processes said, when something is wrong")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in FAULTS]:
        parser.error(f"no fault is called {unknown[0]}; there are {', '.join(FAULTS)}")
    options.size = options.size or (BRIEF_SIZE if options.brief else FULL_SIZE)
    options.database = options.database or DATABASES
    return options


def table(results: Sequence[Result]) -> str:
    rows = [("fault", "database", "mails", "twice", "may be", "seconds", "struck", "")] + [_row(result) for result in results]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    wrong = [f"WRONG: {result.fault} on {result.database}: {sentence}" for result in results for sentence in result.wrong]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:], *wrong])


def _row(result: Result) -> tuple[str, ...]:
    return (
        result.fault, result.database, f"{result.mails:,}", str(result.twice), str(result.may_be_twice), f"{result.seconds:.0f}",
        "; ".join(result.struck), "WRONG" if result.wrong else "",
    )  # fmt: skip


def _circumstances(options: argparse.Namespace) -> dict[str, object]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "size": options.size,
        "brief": options.brief,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
    }
