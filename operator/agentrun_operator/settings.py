"""What the Deployment tells the operator, through environment variables."""

import os
import re
from dataclasses import dataclass

from agentrun_kube.text import whole_number

from .installation import Installation
from .pod_security import Level

LONGEST_GRACE_PERIOD = 86400  # as in the CRDs
# It is a label's value, and a part of the Lease's name.
_INSTANCE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Settings:
    installation: Installation
    health_port: int  # 0: no health endpoints, for a run outside a cluster
    namespace: str  # of the Lease

    @classmethod
    def from_environment(cls) -> "Settings":
        image = os.environ.get("AGENTRUN_RUNNER_IMAGE")
        if not image:
            raise SystemExit(
                "AGENTRUN_RUNNER_IMAGE is not set: name the runner image that pods are made from"
            )
        return cls(
            installation=Installation(image, _pod_security(), _max_grace_period(), _instance()),
            namespace=os.environ.get("AGENTRUN_NAMESPACE", "agentrun-system"),
            health_port=int(os.environ.get("AGENTRUN_HEALTH_PORT", "8080")),
        )


def _pod_security() -> Level:
    level = os.environ.get("AGENTRUN_POD_SECURITY", Level.RESTRICTED)
    if level not in list(Level):
        raise SystemExit(f"AGENTRUN_POD_SECURITY is {level!r}: set one of {', '.join(Level)}")
    return Level(level)


def _instance() -> str | None:
    text = os.environ.get("AGENTRUN_INSTANCE")
    if text is not None and not _INSTANCE.fullmatch(text):
        raise SystemExit(
            f"AGENTRUN_INSTANCE is {text!r}: set 1 to 63 lower case letters, digits and hyphens, "
            "with no hyphen at either end, or remove it"
        )
    return text


def _max_grace_period() -> int | None:
    text = os.environ.get("AGENTRUN_MAX_GRACE_PERIOD_SECONDS")
    if text is None:
        return None
    seconds = whole_number(text)
    if seconds is None or not 1 <= seconds <= LONGEST_GRACE_PERIOD:
        raise SystemExit(
            f"AGENTRUN_MAX_GRACE_PERIOD_SECONDS is {text!r}: set whole seconds from 1 to "
            f"{LONGEST_GRACE_PERIOD}, or remove it"
        )
    return seconds
