"""The run of this pod, from the environment and the run file that the operator gave it."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(os.environ.get("AGENTRUN_ROOT", "/agentrun"))
STORE = ROOT / "store"
CODE = ROOT / "code"
RUN_FILE = ROOT / "run" / "run.json"

# LangGraph's keys of a checkpoint. With one of them, every retry would return to that checkpoint.
_RESERVED_CONFIGURABLE = ("checkpoint_", "__pregel_")


_JSON_NAMES = {dict: "an object", list: "a list", str: "a string", int: "a whole number"}
_T = TypeVar("_T")


class InvalidRunError(Exception):
    """The pod's run file or environment is invalid. The text names the place and the fix."""


@dataclass(frozen=True, slots=True)
class Langgraph:
    """A LangGraph graph, as "module:attribute"."""

    graph: str
    allowed_modules: frozenset[str] = frozenset()
    """Types that checkpoints may hold beside the declared ones: "module" or "module:Class"."""


@dataclass(frozen=True, slots=True)
class Command:
    """Any program, by its argument list."""

    argv: list[str]


Runtime = Langgraph | Command


@dataclass(frozen=True, slots=True)
class Run:
    """The run of this pod."""

    name: str
    namespace: str
    uid: str
    thread: str
    """Directory of the thread, relative to the store: "threads/<thread>" or "stateless/<uid>"."""
    runtime: Runtime
    input: Any
    """None: resume the thread where it stopped."""
    resume: Any
    """The answer to the thread's open questions; it only counts if `resumes`."""
    resumes: bool
    checkpoint: str | None
    """Id of the checkpoint to start from; None: the thread's newest."""
    recursion_limit: int | None
    configurable: dict[str, Any]


def grace_period() -> float:
    """Seconds from SIGTERM to the kubelet's SIGKILL; without the variable, Kubernetes' default."""
    try:
        return max(0.0, float(os.environ["AGENTRUN_GRACE_PERIOD_SECONDS"]))
    except (KeyError, ValueError):
        return 30.0


def load() -> Run:
    """The run of this pod.

    Raises:
        InvalidRunError: a variable or the run file is missing or invalid.
    """
    try:
        data = json.loads(RUN_FILE.read_bytes())
    except OSError as error:
        raise InvalidRunError(f"cannot read the run file {RUN_FILE}: {error.strerror}") from error
    except RecursionError as error:
        raise InvalidRunError(
            "spec.input, spec.resume or spec.config.configurable nests too deeply for Python's "
            "JSON reader, which reads some hundreds of levels: create an AgentRun with flatter JSON"
        ) from error
    except ValueError as error:
        raise InvalidRunError(f"the run file {RUN_FILE} is not JSON: {error}") from error
    config = _typed(_typed(data, dict, "the run file").get("config", {}), dict, "config")
    recursion_limit = config.get("recursionLimit")
    if recursion_limit is not None and _typed(recursion_limit, int, "config.recursionLimit") < 1:
        raise InvalidRunError("run file: config.recursionLimit must be at least 1")
    configurable = _typed(config.get("configurable", {}), dict, "config.configurable")
    for key in configurable:
        if key.startswith(_RESERVED_CONFIGURABLE):
            raise InvalidRunError(f"run file: config.configurable must not set {key!r}")
    return Run(
        name=variable("AGENTRUN_NAME"),
        namespace=variable("AGENTRUN_NAMESPACE"),
        uid=variable("AGENTRUN_UID"),
        thread=variable("AGENTRUN_THREAD"),
        runtime=_runtime(_typed(data.get("runtime"), dict, "runtime")),
        input=data.get("input"),
        resume=data.get("resume"),
        resumes="resume" in data,
        checkpoint=_checkpoint(data),
        recursion_limit=recursion_limit,
        configurable=configurable,
    )


def _checkpoint(data: dict[str, Any]) -> str | None:
    if "checkpoint" not in data:
        return None
    return _typed(_typed(data["checkpoint"], dict, "checkpoint").get("id"), str, "checkpoint.id")


def _runtime(data: dict[str, Any]) -> Runtime:
    if data.keys() == {"langgraph"}:
        langgraph = _typed(data["langgraph"], dict, "runtime.langgraph")
        allowed = _words(langgraph.get("allowedModules", []), "runtime.langgraph.allowedModules")
        for word in allowed:
            module, _, name = word.partition(":")
            if not all(map(str.isidentifier, [*module.split("."), name or "any"])):
                raise InvalidRunError(
                    f"Agent spec.runtime.langgraph.allowedModules: {word!r} is neither "
                    '"module" nor "module:Class"'
                )
        graph = _typed(langgraph.get("graph"), str, "runtime.langgraph.graph")
        return Langgraph(graph, frozenset(allowed))
    if data.keys() == {"command"}:
        command = _typed(data["command"], dict, "runtime.command")
        program = _words(command.get("command"), "runtime.command.command")
        if not program:
            raise InvalidRunError("run file: runtime.command.command must name a program")
        return Command([*program, *_words(command.get("args", []), "runtime.command.args")])
    raise InvalidRunError(
        f"run file: runtime must have exactly one of langgraph and command, not {sorted(data)}"
    )


def _words(value: object, what: str) -> list[str]:
    return [_typed(word, str, f"each word of {what}") for word in _typed(value, list, what)]


def _typed(value: object, kind: type[_T], what: str) -> _T:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InvalidRunError(
            f"run file: {what} must be {_JSON_NAMES[kind]}, not {json.dumps(value)[:60]}"
        )
    return value


def variable(name: str) -> str:
    """A variable of the pod contract. Raises InvalidRunError."""
    value = os.environ.get(name)
    if not value:
        raise InvalidRunError(f"the environment variable {name} is not set; the operator sets it")
    return value
