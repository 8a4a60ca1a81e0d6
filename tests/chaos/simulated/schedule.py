"""Schedules: lists of steps on a new cluster, until an invariant breaks or all has settled."""

import logging
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from simulated.clock import VirtualLoop
from simulated.operator import in_virtual_time
from simulated.world import World

from . import agent_steps, cluster_steps, forgers, hostile, operator_steps, user_steps
from .settle import settle
from .steps import ACTIONS, Choices, Step

__all__ = ["MODULES", "Result", "Running", "Schedule", "run_schedule", "written"]
# Importing the modules is what registers their actions.
MODULES = (agent_steps, cluster_steps, forgers, hostile, operator_steps, user_steps)

Schedule = list[Step]


@dataclass
class Result:
    steps: int
    violations: list[tuple[str, str]]
    faults: Counter[str] = field(default_factory=Counter)
    inherent: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    judged: Counter[str] = field(default_factory=Counter)
    trace: list[str] = field(default_factory=list)

    @property
    def broken(self) -> str | None:
        """The first invariant that did not hold."""
        return self.violations[0][0] if self.violations else None


class Running:
    """A schedule that is under way. `end` it, whatever happens."""

    def __init__(self, loop: VirtualLoop) -> None:
        random.seed(0)  # the operator's jitter
        self._world = World(loop)
        self._stack = ExitStack()
        self._stack.enter_context(_errors_in(self._world.unexpected))
        self._stack.enter_context(in_virtual_time(self._world.clock))
        self.schedule: Schedule = []
        self._trace: list[str] = []

    @property
    def broken(self) -> str | None:
        """The first invariant that did not hold."""
        violations = self._world.judge.violations
        return violations[0][0] if violations else None

    def take(self, step: Step) -> None:
        self.schedule.append(step)
        self._trace.append(self._line(step))
        ACTIONS[step.action][1](self._world, Choices(step.argument))
        self._world.check()

    def settle(self) -> None:
        settle(self._world)

    def end(self) -> Result:
        self._world.close()
        self._stack.close()
        world, judge = self._world, self._world.judge
        return Result(
            len(self.schedule),
            judge.violations,
            world.faults,
            judge.verdicts.inherent,
            judge.ends,
            judge.verdicts.judged,
            self._trace,
        )

    def _line(self, step: Step) -> str:
        pending = [[r.text for r in operator.kube.pending] for operator in self._world.operators]
        seconds = self._world.clock.seconds
        return f"{seconds:7.1f} {step.action} {step.argument}   pending: {pending}"


def run_schedule(schedule: Schedule, loop: VirtualLoop) -> Result:
    """Run it on a new cluster, until an invariant breaks or everything has settled."""
    running = Running(loop)
    try:
        for step in schedule:
            running.take(step)
            if running.broken:
                break
        else:
            running.settle()
    finally:
        result = running.end()
    return result


def written(text: str) -> Schedule:
    """A schedule as a trace shows it: a step a line, its action and its argument."""
    words = (line.split() for line in text.strip().splitlines())
    return [Step(action, int(argument)) for action, argument in words]


class _Errors(logging.Handler):
    def __init__(self, texts: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._texts = texts

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._texts.append(f"{record.getMessage()}: {error!r}")


@contextmanager
def _errors_in(texts: list[str]) -> Iterator[None]:
    """What the operator's code logs as an error goes into the list, and nowhere else."""
    logger = logging.getLogger("agentrun_operator")
    level, propagates, errors = logger.level, logger.propagate, _Errors(texts)
    logger.addHandler(errors)
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(errors)
        logger.setLevel(level)
        logger.propagate = propagates
