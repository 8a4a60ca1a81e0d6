"""The operator reports a missing admission policy, once each time that it disappears."""

import logging
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from agentrun_kube.client.kube import Kube
from agentrun_operator.admission import KINDS, POD_SECURITY_POLICY, POLICIES, Admission
from agentrun_operator.pod_security import Level

Object = dict[str, Any]
MANIFESTS = Path(__file__).parents[3] / "manifests" / "policies"


class Server:
    """Has these objects, and the operator's Deployment."""

    def __init__(self) -> None:
        self.there = {(kind, name) for kind in KINDS for name in POLICIES}
        self.events: list[str] = []

    async def get(self, plural: str, namespace: str | None, name: str) -> Object | None:
        if plural == "deployments":
            return {"metadata": {"name": name, "namespace": namespace, "uid": "u"}}
        assert namespace is None
        return {} if (plural, name) in self.there else None

    async def create(self, plural: str, namespace: str, obj: Object) -> Object:
        assert (plural, namespace) == ("events", "system")
        assert obj["involvedObject"]["kind"] == "Deployment"
        assert obj["type"] == "Warning"
        self.events.append(obj["message"])
        return obj


def admission(server: Server, level: Level = Level.RESTRICTED) -> Admission:
    return Admission(cast("Kube", server), "system", level)


async def test_no_event_is_sent_when_all_policies_exist() -> None:
    server = Server()
    await admission(server).look()
    assert server.events == []


@pytest.mark.parametrize("kind", KINDS)
async def test_a_missing_policy_or_binding_is_reported_once_each_time_it_disappears(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server()
    looking = admission(server)
    gone = (kind, "agentrun-cancel")
    for _ in range(2):
        server.there.discard(gone)
        for _ in range(3):
            await looking.look()
        server.there.add(gone)
        await looking.look()
    assert len(server.events) == 2
    assert f"{kind}/agentrun-cancel" in server.events[0]
    warnings = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 2


async def test_the_policy_on_pods_is_required_except_at_the_level_privileged() -> None:
    server = Server()
    server.there -= {(kind, POD_SECURITY_POLICY) for kind in KINDS}
    await admission(server, Level.PRIVILEGED).look()
    assert server.events == []
    await admission(server, Level.BASELINE).look()
    assert len(server.events) == 1


def test_the_operator_checks_exactly_the_policies_of_the_manifests() -> None:
    found = [
        obj
        for path in MANIFESTS.glob("*.yaml")
        for obj in yaml.safe_load_all(path.read_text())
        if obj is not None
    ]
    for kind in ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"):
        names = {obj["metadata"]["name"] for obj in found if obj["kind"] == kind}
        assert names == set(POLICIES)
