"""``python -m chaos --layer 1 --schedules 10000 --seed 1``: break it, and count what gave way."""

import argparse
import sys

from .layer1.campaign import campaign


def main() -> int:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--layer", type=int, choices=[1], default=1)
    parser.add_argument("--schedules", type=int, default=10_000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--seconds", type=float, default=900.0, help="stop after so long")
    parser.add_argument("--findings", type=int, default=3, help="stop after so many violations")
    given = parser.parse_args()
    report = campaign(given.schedules, given.seed, given.seconds, given.findings)
    print(report.table())
    return 1 if report.violations.total() else 0


if __name__ == "__main__":
    sys.exit(main())
