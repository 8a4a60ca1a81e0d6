"""Are the admission policies there that manifests/ install?

Only the API server can refuse what they refuse: without them, users without the verb can cancel,
and can forge the operator's objects. The operator keeps working and warns the administrator, by an
Event on its Deployment and a log line, each time that a policy becomes missing.
"""

import asyncio
import logging

from agentrun_kube.client.kube import NO_ANSWER, ApiError, Kube
from agentrun_kube.vocabulary import Reason

from .events import post_on_deployment
from .pod_security import Level
from .resources.event import Event

logger = logging.getLogger(__name__)

DEPLOYMENT = "agentrun-operator"
LOOK_SECONDS = 120.0
KINDS = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
# Each policy and its binding have the same name; a test compares these with manifests/.
POD_SECURITY_POLICY = "agentrun-operator-pods"  # is not there where pods may be privileged
POLICIES = (
    "agentrun-agent-author",
    "agentrun-cancel",
    "agentrun-cancel-by-default",
    "agentrun-jobs",
    "agentrun-live-runs",
    "agentrun-operator",
    POD_SECURITY_POLICY,
    "agentrun-pods",
    "agentrun-run-metadata",
)


class Admission:
    def __init__(self, kube: Kube, namespace: str, pod_security: Level) -> None:
        """``namespace``: of the operator's Deployment."""
        self._kube = kube
        self._namespace = namespace
        privileged = pod_security == Level.PRIVILEGED
        self._wanted = [p for p in POLICIES if not (privileged and p == POD_SECURITY_POLICY)]
        self._missing: set[tuple[str, str]] = set()  # as of the last warning

    async def keep_looking(self) -> None:
        """Look at the start, and then regularly, until cancelled."""
        while True:
            try:
                await self.look()
            except (ApiError, *NO_ANSWER) as error:
                logger.warning("Cannot see the admission policies: %r", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once, and warn of each policy that has become missing."""
        wanted = [(kind, name) for name in self._wanted for kind in KINDS]
        found = {each: await self._kube.get(each[0], None, each[1]) for each in wanted}
        missing = {each for each, obj in found.items() if obj is None}
        news = sorted(missing - self._missing)
        if news:
            await self._tell(news)
        if self._missing and not missing:
            logger.info("All admission policies are there again")
        self._missing = missing

    async def _tell(self, news: list[tuple[str, str]]) -> None:
        names = ", ".join(f"{kind}/{name}" for kind, name in news)
        message = (
            f"Missing: {names}. Without them users may do what their roles do not allow. Apply "
            "manifests/policies again."
        )
        logger.warning(message)
        deployment = await self._kube.get("deployments", self._namespace, DEPLOYMENT)
        if deployment is not None:
            event = Event("Warning", Reason.ADMISSION_POLICY_MISSING, message)
            await post_on_deployment(self._kube, deployment, event)
