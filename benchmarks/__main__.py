"""`python -m benchmarks [NAME…]`: runs them, prints the figures beside their aims, and keeps them as JSON."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from benchmarks.figures import Report
from benchmarks.processes import cores

RESULTS = Path(__file__).parent / "results" / "latest.json"
LIBRARIES = ("flask", "gevent", "gunicorn", "psycopg", "redis", "rq", "sqlalchemy", "uvloop")


def main() -> int:
    options = _options()
    report = Report()
    for name in options.names or BENCHMARKS:
        print(f"{name} …", file=sys.stderr, flush=True)
        BENCHMARKS[name](report, options)
    print(report.as_table())
    for failure in report.failures:
        print(f"WRONG: {failure}")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(_circumstances(options) | report.as_json(), ensure_ascii=False, indent=2, allow_nan=False) + "\n")
    return 1 if report.failures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(BENCHMARKS)} (all)")
    parser.add_argument("--accounts", type=int, default=20_000, help="accounts (20000; at full length 100000, of the fan-out 1000000)")
    parser.add_argument("--old", type=int, default=200_000, help="old deliveries (200000; at full length 5000000)")
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the figures are kept as JSON")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark is called {unknown[0]}; there are {', '.join(BENCHMARKS)}")
    return options


def _routing(report: Report, _: argparse.Namespace) -> None:
    from benchmarks import routing

    routing.run(report)


def _rendering(report: Report, _: argparse.Namespace) -> None:
    from benchmarks import rendering

    rendering.run(report)


def _fan_out(report: Report, options: argparse.Namespace) -> None:
    from benchmarks import fan_out

    fan_out.run(report, options.accounts)


def _main_road(report: Report, options: argparse.Namespace) -> None:
    from benchmarks import main_road

    main_road.run(report, options.accounts, options.database)


def _mails(report: Report, options: argparse.Namespace) -> None:
    from benchmarks import mails

    mails.run(report, options.accounts)


def _urgent(report: Report, options: argparse.Namespace) -> None:
    from benchmarks import urgent

    urgent.run(report, options.accounts)


def _old_deliveries(report: Report, options: argparse.Namespace) -> None:
    from benchmarks import old_deliveries

    old_deliveries.run(report, min(options.accounts, 50_000), options.old)


def _pages(report: Report, options: argparse.Namespace) -> None:
    from benchmarks import pages

    pages.run(report, options)


def _events(report: Report, _: argparse.Namespace) -> None:
    from benchmarks import events

    events.run(report)


# each imports what it needs when it runs: an error in one part of the product leaves the others measurable
BENCHMARKS: dict[str, Callable[[Report, argparse.Namespace], None]] = {
    "routing": _routing,
    "rendering": _rendering,
    "fan_out": _fan_out,
    "events": _events,
    "main_road": _main_road,
    "mails": _mails,
    "urgent": _urgent,
    "old_deliveries": _old_deliveries,
    "pages": _pages,
}


def _circumstances(options: argparse.Namespace) -> dict[str, object]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "accounts": options.accounts,
        "database": options.database,
        "cores": cores(),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in LIBRARIES},
    }


if __name__ == "__main__":
    sys.exit(main())
