"""One run: observe it, decide, carry the plan out."""

from agentrun_kube.client.kube import Kube
from agentrun_kube.objects import Object
from agentrun_kube.v1alpha1.agent_run import AgentRun

from ..cleanups.own import OwnCleanups
from ..facts.jobs import can_make_pods
from ..facts.runs import MOST_FINALIZERS, awaits_cleanup, kept_run
from ..installation import Installation
from ..state.intake import Intake
from ..state.workqueue import Key
from .executor import Executor
from .observe import Observer, is_fresh
from .orphans import Orphans
from .plan import AddFinalizer, DeleteRun, Plan, RemoveFinalizer, RequestCleanup
from .policy import start, stop
from .policy.decide import decide, is_start
from .policy.finished import unwatch
from .policy.stop import needs_node_status
from .refusals import JobRefusedError
from .view import View


class RunReconciler:
    def __init__(
        self, kube: Kube, intake: Intake, cleanups: OwnCleanups, installation: Installation
    ) -> None:
        self._intake = intake
        self._observer = Observer(kube, intake, cleanups, installation)
        self._executor = Executor(kube, intake)
        self._orphans = Orphans(kube, intake.cache)

    async def reconcile(self, key: Key) -> None:
        """Raises ApiError, JobRefusedError, or what NO_ANSWER names."""
        run = self._intake.cache.run(key.namespace, key.name)
        if run is not None and (run.has_finalizer or not run.status.settled):
            await self._reconcile_run(key, run)
        elif self._has_leftovers(key):
            await self._reconcile_leftovers(key)

    def _has_leftovers(self, key: Key) -> bool:
        """Whether a settled or deleted run has a Job or pods to stop or to take off the watch."""
        job, pods = self._observer.leftovers_of(key.namespace, key.name)
        lives = any(pod.alive for pod in pods) or can_make_pods(job, pods)
        return lives or bool(unwatch(job, pods))

    async def _reconcile_run(self, key: Key, run: AgentRun) -> None:
        view = await self._with_nodes(self._observer.from_cache(run))
        plan = decide(view)
        must_confirm = plan.confirm and not _waits_for_cleanup(view, plan)
        if must_confirm and not (is_start(view) or self._has_others(key, run)):
            view = await self._with_nodes(await self._observer.with_own_reads(run))
            plan, must_confirm = decide(view), is_start(view)
        if must_confirm or _needs_the_whole(view, plan):
            await self._reconcile_live(key)
        else:
            await self._act(key, view, plan)

    def _has_others(self, key: Key, run: AgentRun) -> bool:
        """Whether watched Jobs or pods belong to another run of that name; one is gone."""
        job, pods = self._observer.leftovers_of(key.namespace, key.name)
        uids = {pod.run_uid for pod in pods} | ({job.run_uid} if job else set())
        return not uids <= {run.metadata.uid, None}

    async def _reconcile_leftovers(self, key: Key) -> None:
        """Job and pods are watched, and their run is not: it is settled or deleted."""
        leftovers = self._observer.leftovers_of(key.namespace, key.name)
        found = await self._intake.get_run(key.namespace, key.name)
        there = None if found is None else found["metadata"]["uid"]
        await self._orphans.remove(key.namespace, *leftovers, there)
        if found is not None:
            await self._reconcile_run(key, kept_run(found))

    async def _reconcile_live(self, key: Key) -> None:
        """Decide on direct reads."""
        leftovers = self._observer.leftovers_of(key.namespace, key.name)
        view = await self._observer.live(key.namespace, key.name)
        there = None if view is None else view.run.metadata.uid
        await self._orphans.remove(key.namespace, *leftovers, there)
        if view is None:
            return
        view = await self._with_nodes(view)
        plan = decide(view)
        answer = await self._act(key, view, plan)
        if answer is not None and is_fresh(view.run, view.agent) and AddFinalizer() in plan.actions:
            view = await self._observer.with_thread(view, answer)
            await self._act(key, view, decide(view))

    async def _act(self, key: Key, view: View, plan: Plan) -> Object | None:
        """Returns the run as it was last written, if it was."""
        try:
            answer = await self._executor.apply(view, plan)
        except JobRefusedError as refusal:
            refused = stop.shortening_refused if stop.must_stop(view) else start.rejected
            await self._executor.apply(view, refused(view, str(refusal)))
            raise
        removed = RemoveFinalizer() in plan.actions and view.run.deleting
        if removed or DeleteRun() in plan.actions:
            # Otherwise the answer to the finalizer's removal would look like news of a live run.
            await self._intake.read_run(key.namespace, key.name)
        if plan.look_again_at is not None:
            seconds = (plan.look_again_at - view.now).total_seconds()
            self._intake.queue.add_after(key, seconds, self._intake.urgency(key))
        return answer

    async def _with_nodes(self, view: View) -> View:
        return await self._observer.with_nodes(view) if needs_node_status(view) else view


def _waits_for_cleanup(view: View, plan: Plan) -> bool:
    """Whether the run is confirmed to be stopped, and the plan only requests its clean-up.

    The clean-up goes by the run's status, not by the request for it.
    """
    requests = all(isinstance(action, RequestCleanup) for action in plan.actions)
    nothing_new = plan.status in (None, view.run.status) and not plan.events
    return awaits_cleanup(view.run) and requests and nothing_new


def _needs_the_whole(view: View, plan: Plan) -> bool:
    """Whether the plan writes again what is not kept in full: finalizers, and the output."""
    finalizers = any(isinstance(a, AddFinalizer | RemoveFinalizer) for a in plan.actions)
    many = len(view.run.metadata.finalizers) >= MOST_FINALIZERS
    writes = plan.status is not None and plan.status != view.run.status
    return (finalizers and many) or (writes and view.run.output_dropped)
