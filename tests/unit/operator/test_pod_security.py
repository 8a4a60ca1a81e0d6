"""The operator's check of a pod against the Pod Security Standards."""

from typing import Any

import pytest

from agentrun_operator.pod_security import Level, violations
from pod_security_cases import CASES, SECURITY, Object, pod

STRICTEST_FIRST = [Level.RESTRICTED, Level.BASELINE, Level.PRIVILEGED]


@pytest.mark.parametrize(("name", "allowed", "case"), CASES, ids=[name for name, _, _ in CASES])
def test_a_pod_passes_at_the_levels_that_allow_it(name: str, allowed: Level, case: Object) -> None:
    """The API server's own verdict on the same table: tests/e2e/test_pod_security.py."""
    verdicts = [not violations(case, level) for level in STRICTEST_FIRST]
    assert verdicts == [level >= STRICTEST_FIRST.index(allowed) for level in range(3)]


def test_the_table_has_more_than_60_cases_and_each_has_its_own_name() -> None:
    assert len({name for name, _, _ in CASES}) == len(CASES) > 60


def said(case: Object, level: Level = Level.RESTRICTED) -> list[str]:
    return [str(violation) for violation in violations(case, level)]


def test_a_violation_names_the_field_of_the_container_and_its_value() -> None:
    bad = {"name": "helper", "securityContext": SECURITY | {"privileged": True, "runAsUser": 0}}
    assert said(pod(containers=[bad], hostPID=True)) == [
        "spec.hostPID is true",
        "spec.containers[helper].securityContext.privileged is true",
        "spec.containers[helper].securityContext.runAsUser is 0",
    ]


def test_an_ephemeral_container_is_checked_like_any_other() -> None:
    ephemeral = {"name": "debug", "securityContext": {"privileged": True}}
    found = said(pod(ephemeralContainers=[ephemeral]), Level.BASELINE)
    assert found == ["spec.ephemeralContainers[debug].securityContext.privileged is true"]


def test_proc_may_be_unmasked_at_the_baseline_in_a_user_namespace_only() -> None:
    unmasked = {"name": "c", "securityContext": SECURITY | {"procMount": "Unmasked"}}
    assert said(pod(containers=[unmasked]), Level.BASELINE)
    assert not said(pod(containers=[unmasked], hostUsers=False), Level.BASELINE)


def test_a_volume_type_that_the_standard_does_not_know_is_not_allowed() -> None:
    assert said(pod(volumes=[{"name": "v", "newType": {}}])) == [
        "spec.volumes[v].newType is an object"
    ]


@pytest.mark.parametrize(
    "odd", [None, 1, "x", [], {}, [None], [[]], ["x"], [{}], {"a": {}}, [{"name": ["x"]}]]
)
@pytest.mark.parametrize("level", Level)
def test_a_pod_of_any_shape_raises_no_error(odd: Any, level: Level) -> None:
    fields = ("containers", "initContainers", "ephemeralContainers", "volumes", "securityContext")
    of_container = ("securityContext", "ports", "livenessProbe", "lifecycle")
    of_security = (
        "capabilities",
        "seccompProfile",
        "appArmorProfile",
        "seLinuxOptions",
        "runAsUser",
    )
    cases = [{"spec": odd}, {"metadata": odd}, {"metadata": {"annotations": odd}}]
    cases += [pod(**{field: odd}) for field in (*fields, "os", "hostUsers")]
    cases += [pod(containers=[{"name": "c", field: odd}]) for field in of_container]
    cases += [pod(containers=[{"securityContext": {field: odd}}]) for field in of_security]
    cases += [pod(securityContext={field: odd}) for field in (*of_security, "sysctls")]
    for case in cases:
        violations(case, level)


def test_a_message_shows_a_value_shortened_and_on_one_line() -> None:
    for value in ("x" * 10_000, "a\nb\x1b[2J", "\ud800"):
        (found,) = said(pod(securityContext={"sysctls": [{"name": value}]}), Level.BASELINE)
        assert len(found) < 120
        assert found.isprintable()
