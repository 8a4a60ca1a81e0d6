"""The requests that the client sends to the API server, and what it makes of the answers."""

import re
from typing import Any
from urllib.parse import parse_qs, quote

import pytest
from aiohttp import web

from agentrun_kube.client import kube as kube_module
from agentrun_kube.client.kube import ApiError, Kube
from agentrun_kube.client.pages import Page
from agentrun_kube.client.paths import field_is, label_is

from .wire import Asked, Wire, refusal


@pytest.mark.parametrize(
    ("plural", "policy"),
    [("jobs", "Foreground"), ("pods", "Background"), ("agentruns", "Background")],
)
async def test_a_deletion_names_the_uid_and_how_children_are_deleted(
    wire: Wire, kube: Kube, plural: str, policy: str
) -> None:
    """Failure modes 22 and 23. The default for Jobs would be to leave their pods behind."""
    assert await kube.delete(plural, "ns", "r", "uid-1")
    body = {"preconditions": {"uid": "uid-1"}, "propagationPolicy": policy}
    assert wire.asked == [Asked("DELETE", plural, "", body)]


@pytest.mark.parametrize("status", [404, 409])
async def test_deleting_an_object_that_is_gone_is_no_error(
    wire: Wire, kube: Kube, status: int
) -> None:
    """Failure mode 43. 409: an object of that name, but with another UID."""
    wire.refusals = {"jobs": status}
    assert not await kube.delete("jobs", "ns", "r", "uid-1")


async def test_a_status_replaces_only_the_version_that_was_read(wire: Wire, kube: Kube) -> None:
    """Failure mode 17. A null in what an agent returned is kept, too."""
    await kube.replace_status("agentruns", "ns", "r", {"phase": "Running", "output": None}, "7")
    patch = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "add", "path": "/status", "value": {"phase": "Running", "output": None}},
    ]
    assert wire.asked == [Asked("PATCH", "status", "", patch)]
    assert wire.content_types == ["application/json-patch+json"]


async def test_all_pages_of_a_long_list_are_read(wire: Wire, kube: Kube) -> None:
    """Failure mode 50."""
    pages: list[dict[str, Any]] = [
        {"metadata": {"resourceVersion": "5", "continue": "more"}, "items": [{"n": 1}, {"n": 2}]},
        {"metadata": {"resourceVersion": "5"}, "items": [{"n": 3}]},
    ]
    wire.answers = [web.json_response(page) for page in pages]
    found, version = await kube.list("agentruns", fieldSelector="status.phase=Running")
    assert ([obj["n"] for obj in found], version) == ([1, 2, 3], 5)
    first, second = wire.asked
    assert "limit=50" in first.query
    assert second.query.endswith("&continue=more")


@pytest.mark.parametrize("status", [409, 422, 429, 500, 503])
async def test_a_refusal_is_an_error_with_its_status_and_message(
    wire: Wire, kube: Kube, status: int
) -> None:
    """Failure mode 43. A proxy in between may not answer in JSON."""
    wire.answers = [refusal(status), web.Response(text="<html>", status=status)]
    for said in ("no", "<html>"):
        with pytest.raises(ApiError, match=f"{status}: {said}"):
            await kube.create("jobs", "ns", {})


ODD_NAMES = ["", ".", "..", "../x", "../../other/agents/a", "a/b", "a/status", "%2e%2e", "a" * 254]


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_no_request_is_sent_for_a_name_that_no_object_can_have(
    wire: Wire, kube: Kube, name: str
) -> None:
    assert await kube.get("agents", "ns", name) is None
    for write in (
        kube.merge_patch("agentruns", "ns", name, {}),
        kube.replace_status("agentruns", "ns", name, {}, "1"),
        kube.delete("pods", "ns", name, "u"),
        kube.create("jobs", name, {}),
    ):
        with pytest.raises(ValueError, match="can be no object's name"):
            await write
    assert wire.asked == []


@pytest.mark.parametrize(
    "name", ["?watch=true", "a#b", "a b", "a&limit=0", "..;x", "\u202e", "a\\..\\b"]
)
async def test_any_name_is_one_segment_of_the_path(wire: Wire, kube: Kube, name: str) -> None:
    wire.answers = [web.json_response({"metadata": {"name": name, "namespace": "ns"}})]
    assert await kube.get("agents", "ns", name) is not None
    prefix = "/apis/agentrun.dev/v1alpha1/namespaces/ns/agents/"
    assert wire.paths == [prefix + quote(name, safe="")]
    assert wire.asked[0].query == ""


@pytest.mark.parametrize(
    "other", [{"name": "b", "namespace": "ns"}, {"name": "a", "namespace": "other"}, {}]
)
async def test_an_answer_with_another_object_is_an_error(
    wire: Wire, kube: Kube, other: dict[str, str]
) -> None:
    wire.answers = [web.json_response({"metadata": other})]
    with pytest.raises(ApiError, match="another object"):
        await kube.get("agents", "ns", "a")


@pytest.mark.parametrize("value", ["t", "t,status.settled=true", "a=b", "a\\,b", "x!=y"])
def test_a_value_adds_no_term_to_a_field_selector(value: str) -> None:
    term = field_is("spec.thread", value)
    assert len(re.findall(r"(?<!\\)(?:\\\\)*,", term)) == 0
    assert len(re.findall(r"(?<!\\)(?:\\\\)*=", term)) == 1
    unescaped = re.sub(r"\\(.)", r"\1", term.removeprefix("spec.thread="))
    assert unescaped == value


@pytest.mark.parametrize("value", ["t,x=y", "a b", "!x", "a" * 64, "-a"])
def test_a_label_selector_refuses_a_value_that_no_label_can_have(value: str) -> None:
    with pytest.raises(ValueError, match="no label's value"):
        label_is("agentrun.dev/thread", value)


async def test_a_page_that_is_too_large_is_read_in_smaller_pages(
    wire: Wire, kube: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube_module, "PAGE_BYTES", 2_000)
    items = [{"n": number, "text": "x" * 700} for number in range(9)]

    def page(query: str) -> web.Response:
        asked = parse_qs(query)
        at, limit = int(asked.get("continue", ["0"])[0]), int(asked["limit"][0])
        rest = {"continue": str(at + limit)} if at + limit < len(items) else {}
        body = {"items": items[at : at + limit], "metadata": {"resourceVersion": "7", **rest}}
        return web.json_response(body)

    wire.answer = page
    found, version = await kube.list("agentruns")
    assert (found, version) == (items, 7)
    assert {parse_qs(asked.query)["limit"][0] for asked in wire.asked} == {"50", "12", "3", "1"}


@pytest.mark.parametrize(
    "text",
    [
        '{"kind":"L","items":[{"a":[1,{"b":"]}"}]} , {}],"metadata":{"resourceVersion":"5"}}',
        ' { "metadata" : {"resourceVersion":"5"}, "items" : [ {"a":[1,{"b":"]}"}]},{} ] } ',
    ],
)
def test_a_page_is_read_item_by_item(text: str) -> None:
    page = Page(text)
    assert list(page.items()) == [{"a": [1, {"b": "]}"}]}, {}]
    assert page.metadata == {"resourceVersion": "5"}


def test_a_page_without_items_is_empty() -> None:
    page = Page('{"items":null,"metadata":{"resourceVersion":"5"}}')
    assert (list(page.items()), page.metadata) == ([], {"resourceVersion": "5"})


@pytest.mark.parametrize("text", ["", "[]", "{", '{"items":[{}', '{"items":[{}]', "<html>"])
def test_an_answer_that_is_no_list_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no list|Expecting"):
        list(Page(text).items())


async def test_a_request_ignores_the_proxy_settings_of_the_environment(
    wire: Wire, kube: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    await kube.create("jobs", "ns", {})
    assert len(wire.asked) == 1
