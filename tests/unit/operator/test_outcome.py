"""How a run ended, as its pods tell."""

from agentrun_operator.constants import Condition
from agentrun_operator.policy.decide import decide

from .states import SUCCEEDED_POD, job, run, said, view
from .test_decide_stop import RUNNING


def test_a_paused_graph_waits_for_input() -> None:
    pod = said(SUCCEEDED_POD, "Succeeded", interrupts=[{"id": "i", "value": "sure?"}])
    plan = decide(view(run(**RUNNING), job=job(), pods=(pod,)))
    assert plan.status is not None
    assert plan.status.interrupts == ({"id": "i", "value": "sure?"},)
    assert any(c.type == Condition.WAITING_FOR_INPUT for c in plan.status.conditions)
