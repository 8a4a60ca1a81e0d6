from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from unit.runner.forking import Forking, forking
from unit.runner.pod import MakePod, Pod


@pytest.fixture
def make_pod(tmp_path: Path) -> Iterator[MakePod]:
    """Makes the pod of a run: `make_pod({"runtime": ...}, grace=1)`."""
    with ExitStack() as stack:
        yield lambda run, **rest: stack.enter_context(closing(Pod(tmp_path, run, **rest)))


@pytest.fixture(scope="session")
def forker() -> Iterator[Forking]:
    with forking() as started:
        yield started


@pytest.fixture
def graph_pod(make_pod: MakePod, forker: Forking) -> MakePod:
    """Makes the pod of a run of one of the test graphs: `graph_pod("graphs:talks", input=...)`.

    Its runs are forked, unless they are `fresh`."""

    def make(graph: str, *, config: object = None, fresh: bool = False, **rest: Any) -> Pod:
        langgraph: dict[str, object] = {"graph": graph}
        if "allowed" in rest:
            langgraph["allowedModules"] = rest.pop("allowed")
        run: dict[str, object] = {"runtime": {"langgraph": langgraph}}
        for field in ("input", "resume", "checkpoint"):
            if field in rest:
                run[field] = rest.pop(field)
        if config is not None:
            run["config"] = config
        return make_pod(run, forking=None if fresh else forker, **rest)

    return make


@pytest.fixture
def command_pod(make_pod: MakePod) -> MakePod:
    """Makes the pod of a run of a shell script: `command_pod("exit 3")`."""

    def make(script: str, **rest: Any) -> Pod:
        run = {"runtime": {"command": {"command": ["sh", "-c"], "args": [script]}}}
        return make_pod(run, **rest)

    return make
