"""Makes schedules from a seed, runs them, and makes those that break something shorter."""

import logging
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from . import agents, cluster_steps, operator_steps, users
from .clock import VirtualLoop
from .operator import in_virtual_time
from .settle import settle
from .steps import ACTIONS, Choices, Step
from .world import World

__all__ = ["Result", "Schedule", "make_schedule", "run_schedule", "shrunk"]
# Importing the modules is what registers their actions.
MODULES = (agents, cluster_steps, operator_steps, users)
ARGUMENTS = 1 << 24
SHORTEST, LONGEST = 20, 120

Schedule = list[Step]


@dataclass
class Result:
    steps: int
    violations: list[tuple[str, str]]
    faults: Counter[str] = field(default_factory=Counter)
    inherent: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    trace: list[str] = field(default_factory=list)

    @property
    def broken(self) -> str | None:
        """The first invariant that did not hold."""
        return self.violations[0][0] if self.violations else None


def make_schedule(seed: str) -> Schedule:
    """Each schedule has its own mix of actions (swarm testing): some happen often, some never."""
    dice = random.Random(seed)  # noqa: S311 (no secret)
    names = list(ACTIONS)
    weights = [ACTIONS[name][0] * dice.choice((0, 1, 1, 3)) for name in names]
    length = dice.randint(SHORTEST, LONGEST)
    # Half of them begin with a run that is under way.
    first = ["create_run", "operator_starts", *dice.choice(([], ["all_go_on"] * 2))]
    drawn = first + dice.choices(names, weights, k=length)
    return [Step(name, dice.randrange(ARGUMENTS)) for name in drawn]


class _Errors(logging.Handler):
    def __init__(self, texts: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._texts = texts

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._texts.append(f"{record.getMessage()}: {error!r}")


def run_schedule(schedule: Schedule, loop: VirtualLoop, *, trace: bool = False) -> Result:
    """Run it on a new cluster, until an invariant breaks or everything has settled."""
    random.seed(0)  # the operator's jitter
    world = World(loop)
    logger = logging.getLogger("agentrun_operator")
    errors = _Errors(world.unexpected)
    logger.addHandler(errors)
    level, propagates = logger.level, logger.propagate
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    steps, lines = 0, []
    try:
        with in_virtual_time(world.clock):
            for step in schedule:
                if trace:
                    lines += _trace(world, step)
                ACTIONS[step.action][1](world, Choices(step.argument))
                steps += 1
                world.check()
                if world.truth.violations:
                    break
            else:
                settle(world)
            world.close()
    finally:
        logger.removeHandler(errors)
        logger.setLevel(level)
        logger.propagate = propagates
    truth = world.truth
    return Result(steps, truth.violations, world.faults, truth.inherent, truth.ends, lines)


def _trace(world: World, step: Step) -> list[str]:
    pending = [[r.text for r in operator.kube.pending] for operator in world.operators]
    return [f"{world.clock.seconds:7.1f} {step.action} {step.argument}   pending: {pending}"]


def _cuts(schedule: Schedule) -> Iterator[Schedule]:
    size = len(schedule) // 2
    while size:
        for start in range(0, len(schedule), size):
            yield schedule[:start] + schedule[start + size :]
        size //= 2
    for index, step in enumerate(schedule):
        for smaller in dict.fromkeys((0, step.argument % 64, step.argument % 4096)):
            if smaller < step.argument:
                yield [*schedule[:index], Step(step.action, smaller), *schedule[index + 1 :]]


def shrunk(schedule: Schedule, invariant: str, loop: VirtualLoop, tries: int = 3000) -> Schedule:
    """A schedule that breaks the same invariant and from which nothing can be left out."""
    again = True
    while again and tries > 0:
        again = False
        for shorter in _cuts(schedule):
            tries -= 1
            if tries <= 0:
                break
            if run_schedule(shorter, loop).broken == invariant:
                schedule, again = shorter, True
                break
    return schedule
