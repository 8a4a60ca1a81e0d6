"""The whole simulated cluster, with the operator's processes in it."""

from collections import Counter
from random import Random

from agentrun_operator.state.watched import WATCHED
from judge.excuses import TAKEN_BACK
from judge.judge import Judge
from objects import Object

from .apiserver import ApiServer
from .clock import Clock, VirtualLoop
from .collector import Collector
from .jobs import JobController
from .kube import Fate, Request
from .nodes import Nodes
from .operator import OperatorProcess
from .recorder import Recorder
from .store import Store

AGENTS: dict[str, Object] = {
    "a": {"runtime": {"langgraph": {"graph": "m:g"}}},
    "f": {"runtime": {"command": {"command": ["x"]}}, "image": "foreign"},
}


class World:
    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.clock = Clock(loop)
        self.server = ApiServer(self.clock)
        self.store = Store()
        self.recorder = Recorder(self.server, self.store)
        self.collector = Collector(self.server, self.clock)
        self.jobs = JobController(self.server, self.clock, self._overtaken)
        self.nodes = Nodes(self.server, self.clock, self.recorder.starting)
        self.operators: list[OperatorProcess] = []
        self.late: list[Request] = []
        self.faults: Counter[str] = Counter()
        self.unexpected: list[str] = []  # what the operator's code logged as an error
        self.make_agents()

    @property
    def judge(self) -> Judge:
        """What it has found until now."""
        return self.recorder.judge

    def _overtaken(self, job_uid: str) -> None:
        self.recorder.befell(job_uid, TAKEN_BACK)

    def make_agents(self) -> None:
        for name, spec in AGENTS.items():
            if self.server.get("agents", name) is None:
                self.server.create("agents", {"metadata": {"name": name}, "spec": spec})

    def start_operator(self, skew: float = 0.0, instance: str | None = None) -> OperatorProcess:
        operator = OperatorProcess(self.server, self.loop, skew, instance)
        self.operators.append(operator)
        return operator

    def crash(self, index: int, kinds: tuple[Fate, ...], seed: int) -> None:
        operator = self.operators.pop(index)
        self.late += operator.crash(Random(seed), kinds)  # noqa: S311 (no secret)

    def arrive_late(self, index: int) -> None:
        """A request of a sender that is gone takes effect."""
        self.recorder.writing_late = True
        self.late.pop(index % len(self.late)).serve()
        self.recorder.writing_late = False
        self.loop.spin()

    def check(self) -> None:
        texts = [*self.unexpected, *self.loop.failures]
        self.unexpected.clear()
        self.loop.failures.clear()
        if any(operator.circles for operator in self.operators):
            texts.append("the operator runs in circles")
        self.recorder.failed(texts)

    def close(self) -> None:
        while self.operators:
            self.crash(0, (Fate.LOST,), 0)

    # What goes on by itself, as soon as it can

    def operators_go_on(self) -> None:
        for operator in self.operators:
            operator.turn()
            for plural in WATCHED:
                operator.deliver(plural)
            operator.turn()

    def cluster_goes_on(self) -> None:
        """One round of everybody in the cluster, without any fault."""
        for job in self.server.all("jobs"):
            self.jobs.sync(job)
        self.jobs.untrack_orphans()
        for work in self.collector.work():
            self.collector.do(*work)
        self.give_up_pods()
        self.nodes.schedule()
        self.kubelets_go_on()

    def kubelets_go_on(self) -> None:
        for pod in self.server.all("pods"):
            self.nodes.see(pod)
        self.nodes.see_gone()
        for container in list(self.nodes.containers.values()):
            self.nodes.act(container)
            self.nodes.report(container)

    def give_up_pods(self) -> None:
        for uid in self.collector.collect_pods():
            container = self.nodes.containers.get(uid)
            if container is not None:
                container.given_up = True
