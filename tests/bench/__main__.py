"""python -m bench: measure on a cluster that `make deploy` has prepared, and print the report."""

import argparse
import sys
from collections import defaultdict
from pathlib import Path

from urllib3.exceptions import HTTPError

from bench import setting
from bench.api import Api, MeasurementError
from bench.audited import requests
from bench.lives import Kind, Life, Stage, live_round
from bench.raw import learn_templates
from bench.report import report
from cluster.audit import audit_log
from cluster.shell import CommandError, fail, say

LEAST_ROUNDS = 10  # for medians that say something


def main() -> int:
    """Measure; 1 if something could not be measured. Goals that are missed are no error."""
    options = _options()
    try:
        audit_log()  # without it writes cannot be counted: say so before measuring for minutes
        setting.set_up()
        try:
            text = measure(options.rounds)
        finally:
            setting.remove()
    except (MeasurementError, CommandError, LookupError, HTTPError) as error:
        fail(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"\n{text}")
    if options.output is not None:
        options.output.write_text(text)
    return 0


def measure(rounds: int) -> str:
    """The report on that many rounds."""
    facts = setting.facts() | {"rounds": str(rounds)}
    facts["load at the beginning"] = setting.load()
    operator = setting.operator()
    api = Api(setting.NAMESPACE)
    say("having the operator make a run's Jobs, to copy their pods")
    templates = learn_templates(api)
    lives: dict[Kind, list[Life]] = defaultdict(list)
    for number in range(1, rounds + 1):
        say(f"round {number} of {rounds}")
        for life in live_round(Stage(api, templates, fraction=number / rounds), number):
            lives[life.kind].append(life)
        if setting.operator() != operator:
            raise MeasurementError("the operator has been started anew meanwhile: measure again")
    return report(facts, lives, requests(audit_log()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "--rounds",
        type=int,
        default=20,
        help=f"how often each thing is measured (default %(default)s, at least {LEAST_ROUNDS})",
    )
    parser.add_argument("--output", type=Path, help="a file to write the report to as well")
    options = parser.parse_args()
    if options.rounds < LEAST_ROUNDS:
        parser.error(f"--rounds {options.rounds}: {LEAST_ROUNDS} at least")
    return options


sys.exit(main())
