"""What goes over the wire to the API server, and what comes of its answers."""

from typing import Any

import pytest
from aiohttp import web

from agentrun_operator.kube import ApiError, Kube

from .wire import Asked, Wire, refusal


@pytest.mark.parametrize(
    ("plural", "policy"),
    [("jobs", "Foreground"), ("pods", "Background"), ("agentruns", "Background")],
)
async def test_a_deletion_orphans_children_or_takes_another_object_of_the_name(
    wire: Wire, kube: Kube, plural: str, policy: str
) -> None:
    """Failure modes 22 and 23. The default for Jobs would be to leave their pods behind."""
    assert await kube.delete(plural, "ns", "r", "uid-1")
    body = {"preconditions": {"uid": "uid-1"}, "propagationPolicy": policy}
    assert wire.asked == [Asked("DELETE", plural, "", body)]


@pytest.mark.parametrize("status", [404, 409])
async def test_a_deletion_of_what_is_gone_fails(wire: Wire, kube: Kube, status: int) -> None:
    """Failure mode 43. 409: an object of that name, but with another UID."""
    wire.refusals = {"jobs": status}
    assert not await kube.delete("jobs", "ns", "r", "uid-1")


async def test_a_status_is_merged_into_one_that_somebody_else_wrote(wire: Wire, kube: Kube) -> None:
    """Failure mode 17. A null in what an agent returned is kept, too."""
    await kube.replace_status("agentruns", "ns", "r", {"phase": "Running", "output": None}, "7")
    patch = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "add", "path": "/status", "value": {"phase": "Running", "output": None}},
    ]
    assert wire.asked == [Asked("PATCH", "status", "", patch)]
    assert wire.content_types == ["application/json-patch+json"]


async def test_a_long_list_is_read_in_part(wire: Wire, kube: Kube) -> None:
    """Failure mode 50."""
    pages: list[dict[str, Any]] = [
        {"metadata": {"resourceVersion": "5", "continue": "more"}, "items": [{"n": 1}, {"n": 2}]},
        {"metadata": {"resourceVersion": "5"}, "items": [{"n": 3}]},
    ]
    wire.answers = [web.json_response(page) for page in pages]
    found, version = await kube.list("agentruns", fieldSelector="status.phase=Running")
    assert ([obj["n"] for obj in found], version) == ([1, 2, 3], 5)
    first, second = wire.asked
    assert "limit=500" in first.query
    assert second.query == first.query + "&continue=more"


@pytest.mark.parametrize("status", [409, 422, 429, 500, 503])
async def test_a_refusal_is_taken_for_an_answer(wire: Wire, kube: Kube, status: int) -> None:
    """Failure mode 43. What sits between may not speak JSON."""
    wire.answers = [refusal(status), web.Response(text="<html>", status=status)]
    for said in ("no", "<html>"):
        with pytest.raises(ApiError, match=f"{status}: {said}"):
            await kube.create("jobs", "ns", {})
