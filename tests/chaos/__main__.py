"""``python -m chaos --layer 1 --schedules 10000 --seed 1``: break it, and count what gave way."""

import argparse
import sys

from .pods.campaign import long_campaign
from .pods.report import Report as ReportOfLayer3
from .processes.campaign import Report as ReportOfLayer2
from .processes.campaign import long_campaign as long_campaign_of_layer2
from .simulated.campaign import Report as ReportOfLayer1
from .simulated.campaign import campaign
from .simulated.planted import self_check


def main() -> int:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--layer", type=int, choices=[1, 2, 3], default=1)
    parser.add_argument("--seed", default="1")
    layer1 = parser.add_argument_group("layer 1: a simulated cluster")
    layer1.add_argument("--schedules", type=int, default=10_000)
    layer1.add_argument("--self-check", action="store_true", help="plant defects, and find them")
    layer1.add_argument("--findings", type=int, default=3, help="stop after so many violations")
    layer2 = parser.add_argument_group("layer 2: the API server of $KUBECONFIG, simulated nodes")
    layer2.add_argument("--faults", type=int, default=1000)
    layer3 = parser.add_argument_group("layer 3: the cluster of $KUBECONFIG, with its operator")
    layer3.add_argument("--runs", type=int, default=50)
    given = parser.parse_args()
    if given.self_check:
        missed = self_check()
        print("\n".join(missed) or "every planted defect was found, and made short")
        return 1 if missed else 0
    report = run_layer(given)
    print(report.table())
    return 1 if report.failed else 0


def run_layer(given: argparse.Namespace) -> ReportOfLayer1 | ReportOfLayer2 | ReportOfLayer3:
    if given.layer == 2:
        return long_campaign_of_layer2(given.seed, given.faults)
    if given.layer == 3:
        return long_campaign(given.seed, given.runs)
    return campaign(given.schedules, given.seed, given.findings)


if __name__ == "__main__":
    sys.exit(main())
