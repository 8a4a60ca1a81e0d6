"""Checkpoints are data: the objects that the serializer of a run makes, and those that it refuses.

Another Agent can write the payloads into its own segment of the thread.
"""

import os
import sys
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.graph import StateGraph
from langgraph.types import Command, Interrupt, Send

from agentrun_runner import runfile
from agentrun_runner.runtimes.langgraph.declared import DeclaredTypes, TypeName
from agentrun_runner.runtimes.langgraph.failures import CheckpointRefusedError
from agentrun_runner.runtimes.langgraph.serde import StrictSerializer
from unit.runner.agents import typed

SOURCE = typed.__name__
CONSTRUCTORS = (0, 1, 2, 4, 5)  # with one argument, several, by name, pydantic v1 and v2
METHOD, NUMPY, DELTA, UNKNOWN = 3, 6, 7, 100


def dumps(value: Any) -> tuple[str, bytes]:
    return JsonPlusSerializer().dumps_typed(value)


def ext(code: int, *content: Any) -> ormsgpack.Ext:
    return ormsgpack.Ext(code, ormsgpack.packb(content))


def stored(value: Any) -> tuple[str, bytes]:
    """Bytes that LangGraph's serializer would not write, but read."""
    return "msgpack", ormsgpack.packb(value)


def serializer(
    graph: Any = None, allowed: Collection[str] = (), own: Collection[TypeName] = ()
) -> StrictSerializer:
    """That of a run whose graph is of `typed`."""
    graph = graph or typed.typed
    if isinstance(graph, StateGraph):
        graph = graph.compile()
    runtime = runfile.Langgraph(f"{SOURCE}:graph", frozenset(allowed))
    return StrictSerializer("threads/talk", DeclaredTypes(graph, runtime).declares, lambda: {*own})


def hooks(marker: Path) -> list[bytes]:
    """The attack, in all forms that LangGraph's serializer knows, and hidden in others."""
    touch = f"touch {marker}"
    arguments: dict[int, Any] = {0: touch, 1: [touch], 2: {"command": touch}, 4: {}, 5: {}}
    calls = [ext(code, "os", "system", arguments[code]) for code in CONSTRUCTORS]
    calls.append(ext(METHOD, "os", "system", touch, "__call__"))
    calls.append(ext(METHOD, "builtins", "eval", f"open({str(marker)!r}, 'w')", "__call__"))
    calls.append(ext(1, "subprocess", "Popen", [["touch", str(marker)]]))
    calls.append(ext(0, "evil_module", "Thing", str(marker)))
    # Of a module that a declared type is in, and under a declared type's name.
    calls.append(ext(0, SOURCE, "pydantic", touch))
    hidden = [
        {"deep": [{"down": calls[0]}]},
        ext(2, SOURCE, "Tree", {"leaves": [calls[0]]}),
        ormsgpack.Ext(DELTA, ormsgpack.packb([calls[0]])),
        ext(1, "langgraph.types", "Send", ["node", calls[0]]),
        ext(0, ext(0, "builtins", "set", ["os"]), "system", touch),
        ext(0, "os", calls[0], touch),
    ]
    as_a_key = b"\x81" + ormsgpack.packb(calls[0]) + b"\x01"
    return [as_a_key, *map(ormsgpack.packb, [*calls, *hidden])]


@pytest.fixture
def evil_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module whose import leaves a mark."""
    marker = tmp_path / "ran"
    (tmp_path / "evil_module.py").write_text(f"open({str(marker)!r}, 'w')\nThing = print\n")
    monkeypatch.syspath_prepend(tmp_path)
    return marker


def test_a_checkpoint_that_another_agent_wrote_calls_and_imports_nothing(evil_module: Path) -> None:
    """The first wall is the runner's, the second LangGraph's strict mode."""
    strict = serializer()
    for payload in hooks(evil_module):
        with pytest.raises(CheckpointRefusedError):
            strict.loads_typed(("msgpack", payload))
        with suppress(ormsgpack.MsgpackDecodeError):
            JsonPlusSerializer.loads_typed(strict, ("msgpack", payload))

    assert not evil_module.exists()
    assert "evil_module" not in sys.modules


def test_a_refused_type_is_named_with_the_thread_and_the_field() -> None:
    with pytest.raises(CheckpointRefusedError) as refused:
        serializer().loads_typed(stored(ext(0, "os", "system\n" + "x" * 500, "true")))

    text = str(refused.value)
    assert "threads/talk" in text
    assert "os:system xxx" in text
    assert "spec.runtime.langgraph.allowedModules of the Agent" in text
    assert len(text) < 500


@pytest.mark.parametrize(
    "data",
    [
        ("pickle", b"cos\nsystem\n(S'true'\ntR."),
        ("json", b'{"lc": 2, "type": "constructor", "id": ["os", "system"], "args": ["true"]}'),
        ("json", b'{"lc": 1, "type": "secret", "id": ["HOME"]}'),
        ("msgpack", b"\xc1"),
        stored(ormsgpack.Ext(UNKNOWN, b"\x90")),
        stored(ext(0, "os")),
        stored(ormsgpack.Ext(0, b"\xc1")),
        stored({"key": [ormsgpack.Ext(0, b"\xc0")]}),
    ],
)
def test_bytes_that_no_run_has_written_are_refused(data: tuple[str, bytes]) -> None:
    with pytest.raises(CheckpointRefusedError, match="cannot be decoded"):
        serializer().loads_typed(data)


def test_types_that_the_state_declares_are_read_unchanged() -> None:
    """Also in a Sequence, behind a NewType and Optional, and in the fields of a declared type."""
    assert serializer().loads_typed(dumps(typed.VALUES)) == typed.VALUES


def test_types_that_langgraph_itself_stores_are_read() -> None:
    value: dict[str, Any] = {
        "messages": [HumanMessage("hi"), AIMessage("ho", tool_calls=[])],
        "sends": [Send("node", {"n": 1})],
        "command": Command(update={"n": 1}, goto=["node"]),
        "interrupts": (Interrupt("really?", id="1"),),
        "sets": [{1}, frozenset({2}), Path("a/b")],
    }
    read = serializer().loads_typed(dumps(value))

    assert read == value | {"interrupts": [*value["interrupts"]]}
    assert serializer().loads_typed(dumps(_DeltaSnapshot([1]))) == _DeltaSnapshot([1])


@pytest.mark.parametrize("graph", [typed.outer, typed.asks_or_ends])
def test_types_of_subgraphs_and_of_tasks_are_declared(graph: Any) -> None:
    value = typed.Leaf(colour=typed.Colour.RED)

    assert serializer(graph).loads_typed(dumps(value)) == value


SECRET = typed.Secret(text="x")


@pytest.mark.parametrize("allowed", [SOURCE, f"{SOURCE}:Secret"])
def test_a_type_that_the_agent_allows_is_read(allowed: str) -> None:
    assert serializer(allowed=[allowed]).loads_typed(dumps(SECRET)) == SECRET


@pytest.mark.parametrize(
    ("allowed", "payload"),
    [
        ([f"{SOURCE}:Leaf"], SECRET),
        (["unit.runner.agents"], SECRET),  # a package is not its modules
        (["os"], ext(0, "os", "system", "true")),  # a module's functions are no types
        ([SOURCE], ext(0, SOURCE, "BaseModel", {})),  # nor are the types that it imports its own
        ([SOURCE], ext(0, "os", "system", "true")),
    ],
)
def test_an_allowed_module_or_type_allows_no_other(allowed: Collection[str], payload: Any) -> None:
    data = stored(payload) if isinstance(payload, ormsgpack.Ext) else dumps(payload)
    with pytest.raises(CheckpointRefusedError):
        serializer(allowed=allowed).loads_typed(data)


def test_a_type_that_the_run_itself_has_stored_is_read_and_the_log_warns_once(
    capfd: pytest.CaptureFixture[str],
) -> None:
    own = serializer(own=[(SOURCE, "Secret")])

    assert own.loads_typed(dumps(SECRET)) == own.loads_typed(dumps(SECRET)) == SECRET
    said = capfd.readouterr().out
    assert said.count("warning") == 1
    assert f"{SOURCE}:Secret" in said


def test_types_that_langgraph_adds_for_a_graph_are_declared_too() -> None:
    saver: Any = BaseCheckpointSaver(serde=serializer())
    lent = saver.with_allowlist({(SOURCE, "Secret")})

    assert lent.serde.loads_typed(dumps(SECRET)) == SECRET
    with pytest.raises(CheckpointRefusedError):
        saver.serde.loads_typed(dumps(SECRET))


def test_numpy_is_not_imported_for_a_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "numpy", raising=False)
    array = ext(NUMPY, "<i8", [1], "C", os.urandom(8))
    with pytest.raises(CheckpointRefusedError, match="numpy:ndarray"):
        serializer().loads_typed(stored([array]))

    assert "numpy" not in sys.modules
