"""An API server that records its requests and answers as a test says."""

from collections.abc import Callable
from typing import Any, NamedTuple

from aiohttp import web


class Asked(NamedTuple):
    method: str
    what: str  # the resource, or "status"
    query: str
    body: Any


class Wire:
    """``answers`` come first, in order, then ``refusals`` by resource, otherwise success."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.paths: list[str] = []
        self.content_types: list[str] = []
        self.answer: Callable[[str], web.Response] | None = None  # to a query
        self.answers: list[web.Response] = []
        self.refusals: dict[str, int] = {}

    @property
    def written(self) -> list[tuple[str, str]]:
        """Method and resource of the writes that were taken."""
        return [(a.method, a.what) for a in self.asked if a.what not in self.refusals]

    async def handle(self, request: web.Request) -> web.Response:
        parts = request.path.split("/")
        plural = next(i for i, part in enumerate(parts) if part in ("v1", "v1alpha1")) + 1
        if parts[plural] == "namespaces":
            plural += 2
        what = "status" if parts[-1] == "status" else parts[plural]
        body = await request.json() if request.can_read_body else None
        self.asked.append(Asked(request.method, what, request.query_string, body))
        self.content_types.append(request.content_type)
        self.paths.append(request.raw_path.partition("?")[0])
        if self.answer is not None:
            return self.answer(request.query_string)
        if self.answers:
            return self.answers.pop(0)
        if what in self.refusals:
            return refusal(self.refusals[what])
        return web.json_response({"metadata": {"resourceVersion": f"{100 + len(self.asked)}"}})


def refusal(status: int) -> web.Response:
    return web.json_response({"message": "no"}, status=status)
