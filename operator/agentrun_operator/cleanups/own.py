"""Which clean-up Jobs this process made, and the logs that it read of their pods.

Any user who may create Jobs can make one that looks like a clean-up and reports what it likes, and
any user who may patch Jobs can change what its annotations say. So the operator believes only Jobs
whose UIDs its own create requests were answered with, and remembers what they clean. After a
restart it makes new ones: a clean-up may be repeated.
"""

from collections import OrderedDict

from agentrun_kube.client.kube import Kube
from agentrun_kube.client.pod_log import last_lines
from agentrun_kube.names import CLEANUP_CONTAINER

from ..facts.cleanups import Work

MOST = 10_000  # Jobs and logs that are remembered; what is forgotten is done once more


class OwnCleanups:
    """``logs``: the last lines of the clean-up's log, by the pod's name; empty if it is gone."""

    def __init__(self) -> None:
        self._work: OrderedDict[str, Work] = OrderedDict()  # by the Job's UID
        self.logs: OrderedDict[str, str] = OrderedDict()

    def get(self, uid: str) -> Work | None:
        return self._work.get(uid)

    def add(self, uid: str, work: Work) -> None:
        self._work[uid] = work
        if len(self._work) > MOST:
            self._work.popitem(last=False)

    async def read_log(self, kube: Kube, namespace: str, pod: str) -> None:
        self.logs[pod] = await last_lines(kube, namespace, pod, CLEANUP_CONTAINER, ('{"runs":',))
        if len(self.logs) > MOST:
            self.logs.popitem(last=False)
