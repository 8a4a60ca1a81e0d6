"""How long a starting operator takes, with no finished runs and with many."""

from bench.cold_start import finished, model
from bench.cold_start.report import report
from bench.cold_start.starts import cold_starts, operator_down
from bench.ground import Ground


def measure(ground: Ground) -> str:
    """Stops the operator; afterwards it is as it was, and the finished runs are gone."""
    models = model.learn(ground.api)
    with operator_down():
        without = cold_starts("no finished runs")
        try:
            finished.make(ground.api, models, ground.finished)
            among = cold_starts(f"{ground.finished} finished runs")
        finally:
            finished.remove(ground.api)
    return report(ground.finished, without, among)
