"""The serializer of a run's checkpointer: checkpoints are data.

LangGraph's serializer stores an object as the name of its class and the arguments to make it with,
and the writer of the checkpoint chose both. So this serializer compares each name with the graph's
declared types before it makes or imports anything, and LangGraph's own strict mode does the rest.
"""

import sys
from collections.abc import Callable, Container
from typing import Any

import ormsgpack
from langgraph.checkpoint.serde import jsonplus
from langgraph.checkpoint.serde._msgpack import SAFE_MSGPACK_METHODS, SAFE_MSGPACK_TYPES

from ... import events
from ...encoding import plain
from ...python_agent.failures import brief
from .declared import TypeName
from .failures import CheckpointRefusedError

FIELD = "spec.runtime.langgraph.allowedModules"
_NUMPY = ("numpy", "ndarray")
_WITHOUT_TYPES = ("null", "bytes", "bytearray")
_WITH_A_TYPE = (
    jsonplus.EXT_CONSTRUCTOR_SINGLE_ARG,
    jsonplus.EXT_CONSTRUCTOR_POS_ARGS,
    jsonplus.EXT_CONSTRUCTOR_KW_ARGS,
    jsonplus.EXT_METHOD_SINGLE_ARG,
    jsonplus.EXT_PYDANTIC_V1,
    jsonplus.EXT_PYDANTIC_V2,
)


class StrictSerializer(jsonplus.JsonPlusSerializer):
    """Makes objects of LangGraph's safe types, of those that the graph `declares`, and of `own`.

    Raises CheckpointRefusedError for any other type: the plain data that LangGraph would return
    is not what the graph stored.
    """

    def __init__(
        self, thread: str, declares: Callable[[TypeName], bool], own: Callable[[], set[TypeName]]
    ) -> None:
        """`own`: the types that this run itself has stored; no other run can choose them."""
        super().__init__(allowed_msgpack_modules=None)
        self._thread = thread
        self._declares = declares
        self._own = own
        self._warned: set[TypeName] = set()

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        names = self._names(data)
        unsafe = {name for name in names if not _is_safe(name) and name not in self._allowed()}
        undeclared = {name for name in unsafe if not self._declares(name)}
        if undeclared:
            if refused := undeclared - self._own():
                raise CheckpointRefusedError(
                    f"the checkpoint of {self._thread} holds {_listed(refused)}, which the graph's "
                    f"state does not declare; nothing of it was loaded. Declare the type in the "
                    f"state, or list it in {FIELD} of the Agent if its writer is trusted"
                )
            self._warn(undeclared)
        reader = self.with_msgpack_allowlist(unsafe) if unsafe else self
        try:
            return jsonplus.JsonPlusSerializer.loads_typed(reader, data)
        except Exception as error:
            raise self._undecodable(brief(error)) from error

    def _allowed(self) -> Container[tuple[str, ...]]:
        """The types that LangGraph added for a subgraph: `BaseCheckpointSaver.with_allowlist`."""
        allowed = self._allowed_msgpack_modules
        return allowed if isinstance(allowed, set) else ()

    def _names(self, data: tuple[str, bytes]) -> set[TypeName]:
        try:
            return type_names(data)
        except (ValueError, RecursionError) as error:
            raise self._undecodable(str(error)) from error

    def _undecodable(self, why: str) -> CheckpointRefusedError:
        return CheckpointRefusedError(
            f"the checkpoint of {self._thread} cannot be decoded: {why}. Start from an older one "
            "with spec.checkpoint.id"
        )

    def _warn(self, names: set[TypeName]) -> None:
        news = names - self._warned
        if news and not self._thread.startswith("stateless/"):
            self._warned |= news
            events.warn(
                f"the graph stores {_listed(news)}, which its state does not declare: a later run "
                f"of {self._thread} will refuse it unless {FIELD} of the Agent lists it"
            )


def type_names(typed: tuple[str, bytes]) -> set[TypeName]:
    """The types of all objects in a value that LangGraph's serializer wrote. Makes none of them.

    Raises ValueError, RecursionError.
    """
    encoding, data = typed
    found: set[TypeName] = set()
    if encoding in _WITHOUT_TYPES:
        return found
    if encoding != "msgpack":  # neither pickle nor the old JSON, which the store never held
        raise ValueError(f"its encoding is {plain(encoding, 100)}")

    def note(code: int, data: bytes) -> None:
        content = ormsgpack.unpackb(data, ext_hook=note, option=ormsgpack.OPT_NON_STR_KEYS)
        if code == jsonplus.EXT_NUMPY_ARRAY:
            found.add(_NUMPY)
        elif code in _WITH_A_TYPE:
            match content:
                case [str(module), str(name), _, str(method)] if (
                    code == jsonplus.EXT_METHOD_SINGLE_ARG
                    and (module, name, method) in SAFE_MSGPACK_METHODS
                ):
                    pass
                case [str(module), str(name), *_]:
                    found.add((module, name))
                case _:
                    raise ValueError(f"it holds an object without a type (extension {code})")
        elif code != jsonplus.EXT_DELTA_SNAPSHOT:
            raise ValueError(f"it holds an unknown msgpack extension, {code}")

    ormsgpack.unpackb(data, ext_hook=note, option=ormsgpack.OPT_NON_STR_KEYS)
    return found


def _is_safe(name: TypeName) -> bool:
    return name in SAFE_MSGPACK_TYPES or (name == _NUMPY and "numpy" in sys.modules)


def _listed(names: set[TypeName]) -> str:
    some = [plain(f"{module}:{name}", 100) for module, name in sorted(names)[:5]]
    return ", ".join(some) + (" and more" if len(names) > len(some) else "")
