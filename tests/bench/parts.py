"""What can be measured, part by part."""

from collections.abc import Callable
from typing import NamedTuple

from bench import checkpoints, cold_start, first_node, rollback, runs, waves
from bench.ground import Ground


class Part(NamedTuple):
    about: str
    measure: Callable[[Ground], str]
    """Its section of the report."""
    stops_operator: bool = False


# In the order in which they are measured and reported.
PARTS = {
    "runs": Part("start, interrupt and rollback of runs beside raw Jobs; API writes", runs.measure),
    "rollback": Part("rollback on threads with few and with many checkpoints", rollback.measure),
    "checkpoints": Part("put and get beside LangGraph's SqliteSaver", checkpoints.measure),
    "first-node": Part("kubectl apply to the agent's first node", first_node.measure),
    "cold-start": Part(
        "start of the operator with and without finished runs; stops it, so nothing else may need"
        " it meanwhile",
        cold_start.measure,
        stops_operator=True,
    ),
    "waves": Part(
        "many runs at once, on simulated nodes, with an operator of their own", waves.measure
    ),
}
