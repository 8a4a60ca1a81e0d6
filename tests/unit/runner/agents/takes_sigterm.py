"""Graphs whose module installs its own SIGTERM handler on import, as many libraries do."""

import signal

from unit.runner.agents.graphs import chain
from unit.runner.agents.stubborn import sleep, step_and_say_so

signal.signal(signal.SIGTERM, lambda *_: print("the library has SIGTERM"))
signal.signal = lambda *_: None

sleeps = chain(sleep)
steps = chain(step_and_say_so).add_edge("step_and_say_so", "step_and_say_so")
