"""Creates the clean-up Jobs of a claim that ``cleanups/policy.py`` decides on."""

from secrets import token_hex

from agentrun_kube.client.kube import ApiError, Kube
from agentrun_kube.objects import Object
from agentrun_kube.v1alpha1.agent_run import AgentRun

from .. import clock
from ..facts.cleanups import CleanupJobFacts, Work
from ..facts.objects import owner_uid
from ..facts.runs import may_be_cleaned
from ..installation import Installation
from ..resources.cleanup_job import cleanup_job
from ..state.intake import Intake
from ..state.records import pods_of_run
from ..state.workqueue import Key, Reconciler
from .own import OwnCleanups
from .policy import Batch, next_cleanup


class CleanupReconciler:
    def __init__(
        self, kube: Kube, intake: Intake, own: OwnCleanups, installation: Installation
    ) -> None:
        self._kube = kube
        self._intake = intake
        self._own = own
        self._runner_image = installation.runner_image
        self._salt = token_hex(8)  # of the Jobs' names, so that users cannot take them before

    async def reconcile(self, key: Key) -> None:
        cache, namespace, claim_name = self._intake.cache, key.namespace, key.name
        waiting = [run for run in cache.runs_of_claim(namespace, claim_name) if may_be_cleaned(run)]
        uids = {run.metadata.uid for run in waiting}
        jobs = self._own.jobs(cache, namespace, claim_name, uids)
        if await self._read_logs(namespace, jobs):
            jobs = self._own.jobs(cache, namespace, claim_name, uids)
            self._wake(tuple(waiting))
        time = clock.now()
        todo = next_cleanup(waiting, jobs, time)
        for batch in todo.batches:
            await self._create(namespace, claim_name, batch)
        if todo.retry_at is not None:
            self._intake.queue.add_after(key, (todo.retry_at - time).total_seconds())

    async def _read_logs(self, namespace: str, jobs: list[CleanupJobFacts]) -> bool:
        """Read the reports that the kubelet has cut; whether there were any."""
        unread = [job.unread_log for job in jobs if job.unread_log is not None]
        for pod in unread:
            await self._own.read_log(self._kube, namespace, pod)
        return bool(unread)

    async def _create(self, namespace: str, claim_name: str, batch: Batch) -> None:
        runs = batch.runs
        pods = pods_of_run(runs[0], self._intake.cache.pods_of_run(runs[0].metadata.uid))
        node = next((pod.node for pod in pods if pod.node), None)
        jobs = [
            cleanup_job(claim_name, runs, batch.attempt, node, self._runner_image, like, self._salt)
            for like in await self._pod_specs(namespace, runs)
        ]
        try:
            made = await self._create_one_of(namespace, jobs)
        except ApiError as error:
            if error.namespace_is_terminating:
                for run in runs:
                    self._own.set_namespace_terminating(run.metadata.uid)
                self._wake(runs)
                return
            if error.is_refusal:
                self._refused(runs, error.message)
            elif error.status == 409:
                await self._take_another_name(namespace, runs, jobs[0]["metadata"]["name"])
            raise
        work = Work(frozenset(run.metadata.uid for run in runs), batch.attempt)
        self._own.add(made["metadata"]["uid"], work)
        self._refused(runs, "")
        self._intake.learn("jobs", made)

    async def _take_another_name(
        self, namespace: str, runs: tuple[AgentRun, ...], name: str
    ) -> None:
        """Choose another name: a Job of that name exists, and its origin is unknown.

        It may come from a request of ours that got no answer, or from a user. So its report does
        not count, and the clean-up is repeated.
        """
        if await self._kube.get("jobs", namespace, name) is not None:
            self._salt = token_hex(8)
            self._refused(runs, f"Job {name} already exists and may not be the operator's.")

    async def _create_one_of(self, namespace: str, jobs: list[Object]) -> Object:
        """Create the first of these that the API server does not refuse."""
        *others, last = jobs
        for job in others:
            try:
                return await self._kube.create("jobs", namespace, job)
            except ApiError as error:
                if not error.is_refusal or error.namespace_is_terminating:
                    raise
        return await self._kube.create("jobs", namespace, last)

    async def _pod_specs(self, namespace: str, runs: tuple[AgentRun, ...]) -> list[Object]:
        """The pod spec of one run's Job: what let that pod run lets the clean-up's pod run, too.

        Without a Job, the template of one run's Agent as it is now (its tolerations, for one); but
        no pod has run with that yet, so there is an empty one, should it be refused.
        """
        for run in runs:
            job = await self._kube.get("jobs", namespace, run.metadata.name)
            if job is not None and owner_uid(job) == run.metadata.uid:
                return [job["spec"]["template"]["spec"]]
        for run in runs:
            agent = await self._kube.get("agents", namespace, run.spec.agent_ref.name)
            if agent is not None:
                return [(agent["spec"].get("podTemplate") or {}).get("spec") or {}, {}]
        return [{}]

    def _refused(self, runs: tuple[AgentRun, ...], refusal: str) -> None:
        """Only news wakes the runs, for each of them requests the clean-up again at once."""
        self._wake(tuple(run for run in runs if self._own.set_refusal(run.metadata.uid, refusal)))

    def _wake(self, runs: tuple[AgentRun, ...]) -> None:
        for run in runs:
            meta = run.metadata
            self._intake.queue.add(Key(Reconciler.RUN, meta.namespace, meta.name))
