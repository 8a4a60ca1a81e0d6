"""A graph whose module ignores SIGTERM, of steps that end soon, also in a subgraph."""

import signal

from unit.runner.agents.graphs import State, chain
from unit.runner.agents.stubborn import step_and_say_so

signal.signal(signal.SIGTERM, signal.SIG_IGN)


def steps_inside(state: State) -> State:
    inner.invoke(state)
    return {}


inner = chain(step_and_say_so).add_edge("step_and_say_so", "step_and_say_so").compile()
steps = chain(steps_inside)
