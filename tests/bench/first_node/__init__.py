"""kubectl apply to the agent's first node, beside a raw Job that only imports LangGraph."""

from bench.first_node.lives import applied, raw_applied
from bench.first_node.report import report
from bench.ground import Ground


def measure(ground: Ground) -> str:
    ours, raw = [], []
    for number, stage in ground.stages("first node"):
        # In turns, so that none always comes upon what the other has left for the node to do.
        if number % 2:
            ours.append(applied(stage, number))
        raw.append(raw_applied(stage, number))
        if not number % 2:
            ours.append(applied(stage, number))
    return report(ours, raw, ground.requests([*ours, *raw]))
