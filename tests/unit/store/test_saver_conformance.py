"""LangGraph's own conformance suite, with every capability on."""

from collections.abc import AsyncGenerator
from pathlib import Path

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import validate
from langgraph.checkpoint.conformance.capabilities import ALL_CAPABILITIES
from langgraph.checkpoint.conformance.initializer import RegisteredCheckpointer

from agentrun_store.checkpointer import StoreSaver


async def test_the_saver_passes_the_whole_conformance_suite(tmp_path: Path) -> None:
    made: list[Path] = []

    async def saver() -> AsyncGenerator[BaseCheckpointSaver, None]:  # type: ignore[type-arg]
        made.append(tmp_path / str(len(made)))
        made[-1].mkdir()
        yield StoreSaver(made[-1])

    report = await validate(RegisteredCheckpointer("StoreSaver", saver))

    detected = {name for name, result in report.results.items() if result.detected}
    failures = [failure for result in report.results.values() for failure in result.failures]
    assert detected == {capability.value for capability in ALL_CAPABILITIES}
    assert failures == []
    assert all(result.passed and result.tests_passed for result in report.results.values())
