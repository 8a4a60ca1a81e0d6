"""What every part measures with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from bench import setting
from bench.api import Api
from bench.audited import Request, requests
from bench.life import Life, Stage, fraction
from bench.raw import Templates, learn_templates
from cluster.audit import audit_log
from cluster.shell import say


@dataclass(frozen=True)
class Ground:
    """The bench's namespace, and how much is to be measured in it."""

    rounds: int
    finished: int  # runs that a starting operator finds
    sizes: tuple[int, ...]  # of waves, in runs
    api: Api = field(default_factory=lambda: Api(setting.NAMESPACE))

    @cached_property
    def templates(self) -> Templates:
        say("having the operator make a run's Jobs, to copy their pods")
        return learn_templates(self.api)

    def stages(self, what: str) -> Iterator[tuple[int, Stage]]:
        """The rounds, counted from 1."""
        templates = self.templates
        for number in range(1, self.rounds + 1):
            say(f"{what}: round {number} of {self.rounds}")
            yield number, Stage(self.api, templates, fraction(number))

    def requests(self, lives: Sequence[Life]) -> list[Request]:
        """What changed something since the first of these lives began."""
        begin = min(min(life.times.values()) for life in lives)
        return [
            request for request in requests(audit_log(setting.NAMESPACE)) if request.at >= begin
        ]
