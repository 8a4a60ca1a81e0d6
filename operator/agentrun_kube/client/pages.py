"""Reads JSON, and a page of a list item by item: never more than one item is there in full."""

import gc
import json
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from ..objects import Object

_SPACE = re.compile(r"[ \t\r\n]*")
_decode = json.JSONDecoder().raw_decode


@contextmanager
def _without_collector() -> Iterator[None]:
    """JSON makes no cycles, and the collector would go through a large one again and again."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def loads(data: bytes) -> Any:
    with _without_collector():
        return json.loads(data)


class Page:
    """One page in JSON. ``metadata`` is complete when all items have been taken.

    An item of a few bytes a value takes some twenty times its size once it is read, so a page whose
    text is small may be large.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self.metadata: Object = {}

    def items(self) -> Iterator[Object]:
        """The items in order. Raises ValueError if the text is no list."""
        at = self._after("{", 0)
        while not self._is("}", at):
            key, at = self._value(at)
            at = self._after(":", at)
            if key == "items" and self._is("[", at):
                at = yield from self._array(at)
            else:
                value, at = self._value(at)
                if key == "metadata":
                    self.metadata = value
            if not self._is("}", at):
                at = self._after(",", at)

    def _array(self, at: int) -> Generator[Object, None, int]:
        at = self._after("[", at)
        while not self._is("]", at):
            item, at = self._value(at)
            yield item
            if not self._is("]", at):
                at = self._after(",", at)
        return self._after("]", at)

    def _skip(self, at: int) -> int:
        space = _SPACE.match(self._text, at)
        return at if space is None else space.end()

    def _is(self, sign: str, at: int) -> bool:
        return self._text.startswith(sign, self._skip(at))

    def _after(self, sign: str, at: int) -> int:
        if not self._is(sign, at):
            raise ValueError(f"no {sign!r} at character {at}: this is no list")
        return self._skip(at) + 1

    def _value(self, at: int) -> tuple[Any, int]:
        with _without_collector():
            return _decode(self._text, self._skip(at))
