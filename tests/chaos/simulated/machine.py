"""The cluster as a state machine of Hypothesis, which makes schedules, and makes them shorter."""

from collections.abc import Callable, Collection

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from judge.invariants import INVARIANTS
from simulated.clock import VirtualLoop

from .schedule import Result, Running
from .steps import ACTIONS, Step

# From bytes: of integers, Hypothesis prefers some.
NUMBERS = st.binary(min_size=3, max_size=3).map(int.from_bytes)
FINEST = 10  # the smallest weight of an action is 0.3


class BrokenError(AssertionError):
    """An invariant does not hold. Each has a type of its own, by which Hypothesis knows them."""


BROKEN = {name: type("OneBrokenError", (BrokenError,), {}) for name in INVARIANTS}


def machine(
    loop: VirtualLoop, wanted: Collection[str], done: Callable[[Result], None]
) -> type[RuleBasedStateMachine]:
    """A machine whose runs are schedules, each on a new cluster.

    A run raises one of BROKEN if it breaks an invariant that is wanted; ``done`` is told of each.
    """

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self._running = Running(loop)
            self._names: list[str] = []

        @initialize(
            mix=st.tuples(*(st.sampled_from((1, 0, 1, 3)) for _ in ACTIONS)),
            argument=NUMBERS,
            under_way=st.booleans(),
            with_policies=st.booleans(),
        )
        def begin(
            self, mix: tuple[int, ...], argument: int, under_way: bool, with_policies: bool
        ) -> None:
            """Each run has its own mix of actions: some happen often, some never."""
            for (name, (weight, _)), factor in zip(ACTIONS.items(), mix, strict=True):
                self._names += [name] * round(weight * factor * FINEST)
            if with_policies:
                self._take(Step("policies_are_installed", 0))
            self._take(Step("create_run", argument))
            for name in ("operator_starts", *["all_go_on"] * (2 * under_way)):
                self._take(Step(name, 0))

        @rule(choice=NUMBERS, argument=NUMBERS)
        def step(self, choice: int, argument: int) -> None:
            if self._names:
                self._take(Step(self._names[choice % len(self._names)], argument))

        def _take(self, step: Step) -> None:
            if not self._running.broken:
                self._running.take(step)
                self._judge()

        def _judge(self) -> None:
            broken = self._running.broken
            if broken is not None and broken in wanted:
                raise BROKEN[broken]

        def teardown(self) -> None:
            try:
                if not self._running.broken:
                    self._running.settle()
                    self._judge()
            finally:
                done(self._running.end())

    return Machine
