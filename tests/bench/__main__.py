"""python -m bench: measure on a cluster that `make deploy` has prepared, and print the report."""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from urllib3.exceptions import HTTPError

from bench import setting
from bench.api import MeasurementError
from bench.ground import Ground
from bench.parts import PARTS
from cluster.audit import audit_log
from cluster.shell import CommandError, fail, say

LEAST_ROUNDS = 10  # for medians that say something
FINISHED = 5000
SIZES = (100, 1000, 3000)


def main() -> int:
    """Measure; 1 if something could not be measured. Goals that are missed are no error."""
    options = _options()
    sections: list[str] = []
    try:
        audit_log()  # without it writes cannot be counted: say so before measuring for minutes
        setting.set_up()
        try:
            for section in measure(options.parts, _ground(options)):
                sections.append(section)
        finally:
            setting.remove()
    except (MeasurementError, CommandError, LookupError, HTTPError) as error:
        fail(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        # Also what was measured before something went wrong.
        text = "\n\n".join(sections) + "\n"
        print(f"\n{text}")
        if options.output is not None:
            options.output.write_text(text)
    return 0


def _ground(options: argparse.Namespace) -> Ground:
    return Ground(options.rounds, options.finished, tuple(sorted(options.sizes)))


def measure(names: list[str], ground: Ground) -> Iterator[str]:
    """The sections of the report: what the figures depend on, and the named parts."""
    facts = setting.facts() | {"rounds": str(ground.rounds)}
    facts["load at the beginning"] = setting.load()
    yield "\n".join(f"- {what}: {fact}" for what, fact in facts.items())
    for name in (name for name in PARTS if name in names):
        began, operator = time.monotonic(), setting.operator()
        section = PARTS[name].measure(ground)
        if not PARTS[name].stops_operator and setting.operator() != operator:
            raise MeasurementError("the operator has been started anew meanwhile: measure again")
        say(f"{name}: done in {time.monotonic() - began:.0f} s")
        yield section


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench",
        description=__doc__,
        epilog="\n".join(f"  {name:12}  {part.about}" for name, part in PARTS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "parts", nargs="*", metavar="part", help="what to measure (default: all), see below"
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=LEAST_ROUNDS,
        help="how often each thing is measured (default and least: %(default)s)",
    )
    parser.add_argument(
        "--finished",
        type=int,
        default=FINISHED,
        help="how many finished runs a starting operator finds (default %(default)s)",
    )
    parser.add_argument(
        "--sizes",
        type=_sizes,
        default=SIZES,
        help="of waves, in runs (default: 100,1000,3000)",
    )
    parser.add_argument("--output", type=Path, help="a file to write the report to as well")
    options = parser.parse_args()
    if unknown := set(options.parts) - PARTS.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))} (there are: {', '.join(PARTS)})")
    if options.rounds < LEAST_ROUNDS:
        parser.error(f"--rounds {options.rounds}: {LEAST_ROUNDS} at least")
    options.parts = options.parts or list(PARTS)
    return options


def _sizes(text: str) -> list[int]:
    return [int(size) for size in text.split(",")]


sys.exit(main())
