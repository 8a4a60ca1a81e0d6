"""The settings that the operator's Deployment may have."""

import pytest

from agentrun_operator.pod_security import Level
from agentrun_operator.settings import Settings


@pytest.fixture(autouse=True)
def image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTRUN_RUNNER_IMAGE", "runner:1")
    for name in ("AGENTRUN_POD_SECURITY", "AGENTRUN_MAX_GRACE_PERIOD_SECONDS", "AGENTRUN_INSTANCE"):
        monkeypatch.delenv(name, raising=False)


def test_by_default_pods_are_restricted_and_grace_periods_have_no_maximum() -> None:
    installation = Settings.from_environment().installation
    assert installation.pod_security == Level.RESTRICTED
    assert installation.max_grace_period_seconds is None
    assert installation.instance is None


def test_environment_variables_override_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTRUN_POD_SECURITY", "baseline")
    monkeypatch.setenv("AGENTRUN_MAX_GRACE_PERIOD_SECONDS", "600")
    monkeypatch.setenv("AGENTRUN_INSTANCE", "canary-2")
    installation = Settings.from_environment().installation
    assert installation.pod_security == Level.BASELINE
    assert installation.instance == "canary-2"
    assert installation.max_grace_period_seconds == 600


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AGENTRUN_POD_SECURITY", ""),
        ("AGENTRUN_POD_SECURITY", "Restricted"),
        ("AGENTRUN_MAX_GRACE_PERIOD_SECONDS", ""),
        ("AGENTRUN_MAX_GRACE_PERIOD_SECONDS", "0"),
        ("AGENTRUN_MAX_GRACE_PERIOD_SECONDS", "86401"),
        ("AGENTRUN_MAX_GRACE_PERIOD_SECONDS", "10m"),
        ("AGENTRUN_INSTANCE", ""),
        ("AGENTRUN_INSTANCE", "Canary"),
        ("AGENTRUN_INSTANCE", "canary-"),
        ("AGENTRUN_INSTANCE", "a,b"),
        ("AGENTRUN_INSTANCE", "a" * 64),
    ],
)
def test_the_operator_does_not_start_with_an_invalid_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=name):
        Settings.from_environment()
