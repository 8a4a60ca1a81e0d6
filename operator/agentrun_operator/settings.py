"""What the Deployment tells the operator, through environment variables."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    runner_image: str
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
            runner_image=image,
            namespace=os.environ.get("AGENTRUN_NAMESPACE", "agentrun-system"),
            health_port=int(os.environ.get("AGENTRUN_HEALTH_PORT", "8080")),
        )
