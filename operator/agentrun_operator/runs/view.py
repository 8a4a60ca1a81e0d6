"""The state that a decision about one run is made from."""

from dataclasses import dataclass
from datetime import datetime

from agentrun_kube.v1alpha1.agent import Agent
from agentrun_kube.v1alpha1.agent_run import AgentRun

from ..cleanups.policy import CleanupState
from ..facts.jobs import JobFacts, can_make_pods
from ..facts.pods import PodFacts
from ..installation import Installation


@dataclass(frozen=True)
class ThreadView:
    """What is known of the other users of the run's thread: no more than decisions need.

    However many runs wait, a decision looks at the one before, unless its run cancels or is
    rejected for any that is ahead of it.
    """

    # Have the thread by their status, and the first of those that are deleted and to be cleaned.
    holders: tuple[AgentRun, ...] = ()
    predecessor: AgentRun | None = None  # waits, and comes just before the run
    ahead: tuple[AgentRun, ...] = ()  # all that wait and come before the run; only if it asks
    intruders: tuple[PodFacts, ...] = ()  # live pods of other runs on the thread
    highest_seq: int = 0  # of the segments of the thread that are known


@dataclass(frozen=True)
class View:
    run: AgentRun
    agent: Agent | None
    job: JobFacts | None  # whatever Job has the run's name; see `own_job`
    pods: tuple[PodFacts, ...]  # pods that carry this run's UID, oldest first
    gone_pods: tuple[PodFacts, ...]  # as last seen: pods of this run whose objects are gone
    thread: ThreadView
    cleanup: CleanupState | None
    namespace_terminating: bool
    unreachable_nodes: frozenset[
        str
    ]  # of the nodes of its pods; looked up only when a stop is late
    now: datetime
    installation: Installation

    @property
    def own_job(self) -> JobFacts | None:
        """The run's Job. One without an owner is so only if its UID has been written down.

        A deletion with --cascade=orphan may take the owner off before that: then it is stopped.
        """
        job, run = self.job, self.run
        if job is None or job.owner_uid == run.metadata.uid:
            return job
        known = run.status.job_uid
        orphaned = run.deleting and known is None and job.made_for == run.metadata.uid
        return job if job.owner_uid is None and (orphaned or job.uid == known) else None

    @property
    def alive(self) -> tuple[PodFacts, ...]:
        return tuple(pod for pod in self.pods if pod.alive)

    @property
    def seen(self) -> tuple[PodFacts, ...]:
        """Its pods, oldest first, with those whose objects are gone as they were last seen.

        Not those of another Job, whatever their labels say. While one lives, the run is not over:
        see `alive`. But it does not decide how the run ends.
        """
        uids = {pod.uid for pod in self.pods}
        gone = tuple(pod for pod in self.gone_pods if pod.uid not in uids)
        own = (pod for pod in gone + self.pods if self._may_be_own(pod))
        return tuple(sorted(own, key=lambda pod: pod.created_at))

    def _may_be_own(self, pod: PodFacts) -> bool:
        """Whether the run's Job may have made the pod: a pod is orphaned when its Job goes."""
        job = self.own_job
        if pod.job_uid is None:
            return job is None or job.deleting
        known = {job.uid if job else None, self.run.status.job_uid} - {None}
        foreign = {None if self.job is None else self.job.uid} - known
        return pod.job_uid in known if known else pod.job_uid not in foreign

    @property
    def suspended(self) -> bool:
        """Whether the Job is suspended: it makes no pods, and stops those that it has."""
        job = self.own_job
        return job is not None and job.suspended and not (job.deleting or job.finished)

    @property
    def can_make_pods(self) -> bool:
        return can_make_pods(self.own_job, self.pods)

    @property
    def begun(self) -> bool:
        """Whether a Job was ever made for the run, as far as is known.

        Its name in the status does not tell: it is written down before the Job is made.
        """
        return bool(self.own_job or self.seen or self.run.status.job_uid)

    @property
    def may_have_checkpoints(self) -> bool:
        """False only if it is certain that no container of the run has ever started.

        Certain it is only if no Job can have been made. That no pod *seen* had started proves
        nothing: another may have started and gone while no operator watched.
        """
        status = self.run.status
        may_have_job = self.run.has_finalizer or status.job_name or status.claim_name
        return self.begun or bool(may_have_job)

    @property
    def start_was_seen(self) -> bool:
        """Whether a container of the run is known to have started."""
        return self.run.status.started_at is not None or any(pod.has_started for pod in self.seen)
