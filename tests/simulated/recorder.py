"""Tells the judge what really happens in the simulated cluster: it sees what the operator does not.

It sees all that the judge can weigh, at once and exactly. What unit tests and schedules want to
know is in `judge`.
"""

from datetime import datetime

from agentrun_kube.termination_report import parse_report
from agentrun_kube.vocabulary import FINAL_PHASES
from judge.excuses import ATTACKS, DELETED_BY_HAND, HOMELESS
from judge.history import (
    Attempt,
    Befell,
    Cleaned,
    Completed,
    Failures,
    JobMade,
    JobRequested,
    Process,
    ProcessEnded,
    ProcessStarted,
    Ran,
    Requested,
    RunWritten,
    Settled,
    Shown,
    StoreRead,
    Wrote,
)
from judge.judge import Judge
from objects import (
    Object,
    condition,
    is_deleting,
    is_forged,
    made_for,
    name_of,
    owners,
    phase_of,
    uid_of,
)

from .apiserver import ApiServer
from .attacks import Attacks
from .container import SIGKILLED, Container
from .policies import Who
from .store import Store


class Recorder:
    def __init__(self, server: ApiServer, store: Store) -> None:
        self._server = server
        self._store = store
        self.judge = Judge()
        self.writing_late = False  # the sender of what is written now is gone
        self.disturbed: set[str] = set()  # uids of runs whose Job or pod was deleted or evicted
        self._attacks = Attacks(server, self.befell)
        self._agents: dict[str, Container] = {}  # by uid of the pod: all that ever started
        self._running: dict[str, Container] = {}
        server.listeners.append(self._changed)

    def befell(self, uid: str, what: str) -> None:
        """What a policy refuses is no excuse where the policies are installed."""
        if not (self._server.has_policies and what in ATTACKS):
            self.judge.see(Befell(uid, what))

    def _changed(self, plural: str, old: Object | None, new: Object | None) -> None:
        self._attacks.see(plural, old, new)
        if plural == "agentruns":
            self._run_changed(old, new)
        elif plural == "jobs":
            self._job_changed(old, new)
        elif plural == "pods" and old is None and new is not None and not is_forged(new):
            for ref in owners(new):
                if self._server.by_uid("jobs", ref["uid"]) is None:
                    self.befell(ref["uid"], HOMELESS)
        self.judge.rule()

    # Runs

    def _run_changed(self, old: Object | None, new: Object | None) -> None:
        run = new or old
        assert run is not None
        uid, version, gone = uid_of(run), self._server.version, new is None
        if old is None:
            self.judge.see(RunWritten(run, version))
            return
        if self._is_deleted_by_hand(old, new):
            self.judge.see(Requested(uid, "delete"))
        ends = gone or (phase_of(run) in FINAL_PHASES and phase_of(old) not in FINAL_PHASES)
        if ends and not self.judge.runs[uid].ended:
            self._tell_ends()
            self.judge.see(self._ran(uid))
            self.judge.see(self._shown(uid))
        self.judge.see(RunWritten(run, version, gone))
        cancel = run["spec"].get("cancel")
        if cancel != old["spec"].get("cancel") and self._server.who is not Who.OPERATOR:
            self.judge.see(Requested(uid, cancel))
        if ends:
            self._read_store(uid)

    def _is_deleted_by_hand(self, old: Object, new: Object | None) -> bool:
        """Not by the operator. What the garbage collector deletes, a user has given an owner."""
        begins = not is_deleting(old) and (new is None or is_deleting(new))
        return begins and self._server.who is not Who.OPERATOR

    def _read_store(self, uid: str) -> None:
        thread = self.judge.runs[uid].thread
        self.judge.see(StoreRead(uid, self._store.on_all_claims(thread, uid)))

    def _shown(self, uid: str) -> Shown:
        pods = []
        for pod in self._server.all("pods"):
            if made_for(pod) != uid or is_forged(pod):
                continue
            for status in pod["status"].get("containerStatuses", []):
                end = status["state"].get("terminated") or {}
                report = parse_report(end.get("message", ""))
                if report is not None and report.result == "Succeeded":
                    pods.append(name_of(pod))
        return Shown(uid, tuple(pods))

    def _ran(self, uid: str) -> Ran:
        attempts = tuple(_attempt(c) for c in self._agents.values() if c.run_uid == uid)
        states = (
            container["state"].get("running") or container["state"].get("terminated") or {}
            for pod in self._server.all("pods")
            if made_for(pod) == uid
            for container in pod.get("status", {}).get("containerStatuses", [])
        )
        shown = frozenset(state["startedAt"] for state in states if state.get("startedAt"))
        return Ran(uid, attempts, shown, uid in self.disturbed)

    # Jobs, containers and the store

    def _job_changed(self, old: Object | None, new: Object | None) -> None:
        if old is not None and self._is_deleted_by_hand(old, new):
            self.befell(uid_of(old), DELETED_BY_HAND)
        if old is not None or new is None or is_forged(new) or not made_for(new):
            return
        self.judge.see(JobRequested(uid_of(new), self.writing_late, self._server.known))
        self.judge.see(JobMade(made_for(new), uid_of(new), self._server.version))

    def starting(self, container: Container) -> None:
        if not container.is_agent:
            return
        self._tell_ends()
        process = Process(
            pod_uid=container.uid,
            pod=f"{container.name} on {container.node}",
            run_uid=container.run_uid,
            thread=container.thread,
            job_uid=container.job_uid or "",
        )
        self.judge.see(ProcessStarted(process))
        self._agents[container.uid] = self._running[container.uid] = container
        self.judge.rule()

    def _tell_ends(self) -> None:
        for uid, container in list(self._running.items()):
            if container.exit is not None or container.given_up:
                del self._running[uid]
                self.judge.see(ProcessEnded(uid))

    def wrote(self, container: Container) -> None:
        self.judge.see(Wrote(container.run_uid, container.directory))

    def completed(self, container: Container) -> None:
        self.judge.see(Completed(container.run_uid))

    def cleaned(self, run_uid: str) -> None:
        self.judge.see(Cleaned(run_uid))
        self.judge.rule()

    # The end

    def failed(self, texts: list[str]) -> None:
        self.judge.see(Failures(tuple(texts)))
        self.judge.rule()

    def settled(self, unsettled: list[tuple[str, str]]) -> None:
        """All has had its time; what has not come to its end, by the UID of the run."""
        self.judge.see(Settled(tuple(unsettled)))
        for uid in self.judge.runs:
            self._read_store(uid)
        self.judge.rule()


def _attempt(container: Container) -> Attempt:
    started, end = container.started_at, container.exit
    disrupted = condition(container.seen, "DisruptionTarget") is not None
    return Attempt(
        started_at=None if started is None else datetime.fromisoformat(started),
        timed_out=container.timed_out,
        failed=_failed(container),
        evicted=disrupted or container.stop_reason == "Evicted",
        overused=bool(container.overuse),
        killed=end is not None and end.code == SIGKILLED and started is not None,
    )


def _failed(container: Container) -> bool:
    """By itself, or with its node: an end that no user had requested."""
    end = container.exit
    if end is None or end.code == 0:
        return False
    report = parse_report(end.message)
    return container.signalled_at is None or (report is not None and report.result == "Failed")
