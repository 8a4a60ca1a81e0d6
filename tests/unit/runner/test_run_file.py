"""A pod with an invalid run file or environment reports the error."""

import pytest

from unit.runner.pod import MakePod

GRAPH = {"runtime": {"langgraph": {"graph": "graphs:graph"}}}


@pytest.mark.parametrize(
    ("run", "told"),
    [
        ([], "the run file must be an object, not []"),
        ({}, "runtime must be an object, not null"),
        ({"runtime": {}}, "exactly one of langgraph and command, not []"),
        ({"runtime": {"agno": {}}}, "exactly one of langgraph and command, not ['agno']"),
        ({"runtime": {"langgraph": {}}}, "runtime.langgraph.graph must be a string, not null"),
        (
            {"runtime": {"langgraph": {"graph": "graphs:graph", "allowedModules": ["a.b:c.d"]}}},
            "spec.runtime.langgraph.allowedModules: 'a.b:c.d' is neither",
        ),
        ({"runtime": {"command": {"command": []}}}, "must name a program"),
        ({"runtime": {"command": {"command": "ls"}}}, 'must be a list, not "ls"'),
        ({"runtime": {"command": {"command": ["ls", 1]}}}, "each word"),
        ({**GRAPH, "config": {"recursionLimit": 0}}, "config.recursionLimit must be at least 1"),
        ({**GRAPH, "config": {"recursionLimit": True}}, "must be a whole number, not true"),
        ({**GRAPH, "config": {"configurable": []}}, "config.configurable must be an object"),
        (
            {**GRAPH, "config": {"configurable": {"checkpoint_id": "1"}}},
            "config.configurable must not set 'checkpoint_id'",
        ),
    ],
)
def test_an_invalid_run_file_is_refused(make_pod: MakePod, run: object, told: str) -> None:
    ended = make_pod(run).run()

    assert ended.verdict() == (2, "Failed", "InvalidRun")
    assert told in ended.report["message"]


def test_a_missing_run_file_is_named(make_pod: MakePod) -> None:
    pod = make_pod(GRAPH)
    (pod.root / "run" / "run.json").unlink()
    ended = pod.run()

    assert ended.verdict() == (2, "Failed", "InvalidRun")
    assert "run.json: No such file or directory" in ended.report["message"]


def test_a_run_file_that_is_not_json_is_named(make_pod: MakePod) -> None:
    pod = make_pod(GRAPH)
    (pod.root / "run" / "run.json").write_text("{")

    assert "is not JSON" in pod.run().report["message"]


def test_json_that_is_too_deep_for_python_is_refused_with_the_fields_that_may_be_it(
    make_pod: MakePod,
) -> None:
    pod = make_pod(GRAPH)
    (pod.root / "run" / "run.json").write_text("[" * 9_000 + "]" * 9_000)
    ended = pod.run()

    assert ended.verdict() == (2, "Failed", "InvalidRun")
    assert "spec.input, spec.resume or spec.config" in ended.report["message"]


def test_a_missing_variable_is_named(make_pod: MakePod) -> None:
    ended = make_pod(GRAPH, AGENTRUN_UID="").run()

    assert ended.verdict() == (2, "Failed", "InvalidRun")
    assert "AGENTRUN_UID" in ended.report["message"]


@pytest.mark.parametrize("name", ["AGENTRUN_UID", "AGENTRUN_THREAD"])
def test_a_name_that_leads_out_of_the_store_is_refused(make_pod: MakePod, name: str) -> None:
    ended = make_pod({**GRAPH, "input": {}}, **{name: "../../etc"}).run()

    assert ended.verdict() == (1, "Failed", "StoreFailed")
    assert "../../etc" in ended.report["message"]
