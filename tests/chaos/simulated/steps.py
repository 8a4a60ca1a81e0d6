"""A schedule is a list of steps. Each has an argument that its action takes its choices from."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from simulated.world import World

T = TypeVar("T")


class Step(NamedTuple):
    action: str
    argument: int


class Choices:
    """Takes choices out of one number; 0 always means the first, simplest one."""

    def __init__(self, argument: int) -> None:
        self._rest = argument

    def number(self, below: int) -> int:
        self._rest, chosen = divmod(self._rest, below)
        return chosen

    def one(self, options: Sequence[T]) -> T:
        return options[self.number(len(options))]

    def rest(self) -> int:
        return self._rest


Action = Callable[[World, Choices], None]
ACTIONS: dict[str, tuple[float, Action]] = {}  # by name: how often, relatively; what


def action(weight: float) -> Callable[[Action], Action]:
    def register(function: Action) -> Action:
        ACTIONS[function.__name__] = (weight, function)
        return function

    return register
