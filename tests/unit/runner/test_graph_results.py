"""The results of graphs that are not stopped."""

import json

import pytest

from agentrun_store.rollback import drop_run
from unit.runner.pod import MakePod


@pytest.mark.parametrize("graph", ["builder", "graph", "factory", "async_factory", "managed"])
def test_a_graph_runs_whatever_form_it_is_given_in(graph_pod: MakePod, graph: str) -> None:
    ended = graph_pod(f"graphs:{graph}", input={"n": 1}).run()

    assert ended.verdict() == (0, "Succeeded", None)
    assert ended.report["output"] == {"n": 4}
    assert ended.report["checkpoint"]["count"] == 4
    assert "outputTruncated" not in ended.report


def test_each_step_is_an_event_behind_what_the_node_printed(graph_pod: MakePod) -> None:
    ended = graph_pod("graphs:graph", input={"n": 1}).run()

    names = [json.loads(line)["event"] if line[0] == "{" else line for line in ended.lines]
    assert names == ["started", "add_one runs", "updates", "updates", "finished"]
    updates = [event["data"] for event in ended.events("updates")]
    assert updates == [{"add_one": {"n": 2}}, {"double": {"n": 4}}]


def test_an_entrypoint_of_the_functional_api_runs(graph_pod: MakePod) -> None:
    ended = graph_pod("graphs:functional", input=41).run()

    assert ended.report["output"] == 42


def test_messages_keep_their_content(graph_pod: MakePod) -> None:
    messages = [{"role": "user", "content": "hello"}]
    ended = graph_pod("graphs:talks", input={"messages": messages}).run()

    said = [(m["type"], m["content"]) for m in ended.report["output"]["messages"]]
    assert said == [("human", "hello"), ("ai", "you said hello")]


def test_output_that_json_cannot_express_is_converted(graph_pod: MakePod) -> None:
    ended = graph_pod("graphs:odd_output", input={}).run()

    answer = ended.report["output"]["answer"]
    assert answer == {"nan": "nan", "('a', 1)": [1, 2], "object": {"n": 1}}


def test_the_next_run_of_the_thread_resumes_where_it_stopped(graph_pod: MakePod) -> None:
    graph_pod("graphs:asks", input={"n": 1}).run()
    ended = graph_pod("graphs:asks").run()

    assert ended.report["interrupts"][0]["value"] == {"question": "really?"}
    assert ended.report["output"] == {"n": 2}
    assert "add_one runs" not in ended.lines


def test_a_stateless_run_has_a_thread_of_its_own(graph_pod: MakePod) -> None:
    uid = "0d3a6a52-7a3c-4f0e-8a4e-0f4f3d7b9a11"
    ended = graph_pod("graphs:graph", input={"n": 1}, uid=uid, thread=f"stateless/{uid}").run()

    assert ended.report["checkpoint"]["count"] == 4


def test_an_open_interrupt_is_in_the_report_and_in_the_stream(graph_pod: MakePod) -> None:
    ended = graph_pod("graphs:asks", input={"n": 1}).run()

    assert ended.verdict() == (0, "Succeeded", None)
    (asked,) = ended.report["interrupts"]
    assert asked["node"] == "ask"
    assert asked["value"] == {"question": "really?"}
    (event,) = ended.events("interrupt")
    assert event["data"] == [{"id": asked["id"], "value": asked["value"]}]


@pytest.mark.parametrize(
    ("graph", "first", "second", "output"),
    [
        ("typed:asks_or_ends", 0, 1, "red"),
        ("typed:chooses", {"n": 1}, {"n": 2}, {"text": "chosen 1"}),
    ],
)
def test_a_paused_run_does_not_show_an_older_result_as_its_output(
    graph_pod: MakePod, graph: str, first: object, second: object, output: object
) -> None:
    """If the output is not the state itself, a paused graph has not written it yet."""
    assert graph_pod(graph, input=first).run().report["output"] == output
    paused = graph_pod(graph, input=second).run().report

    assert [asked["value"] for asked in paused["interrupts"]] == ["which?"]
    assert "output" not in paused


def test_a_static_breakpoint_is_in_the_report(graph_pod: MakePod) -> None:
    ended = graph_pod("graphs:breakpoint_graph", input={"n": 1}).run()

    assert ended.report["interrupts"] == [{"node": "double"}]
    assert ended.report["output"] == {"n": 2}


def test_large_output_is_whole_in_the_log_and_short_in_the_report(graph_pod: MakePod) -> None:
    ended = graph_pod("graphs:large_output", input={"n": 1_000_000}).run()

    assert ended.report["outputTruncated"] is True
    assert ended.report["output"]["answer"].startswith("üüü")
    assert ended.report["output"]["n"] == 1_000_000
    assert len(ended.message) <= 4096
    (finished,) = ended.events("finished")
    assert len(finished["output"]["answer"]) == 1_000_000


def test_events_are_whole_though_the_agent_made_stdout_non_blocking(graph_pod: MakePod) -> None:
    ended = graph_pod("graphs:unblocks_stdout", input={"n": 1_000_000}).run()

    (updates,) = ended.events("updates")
    assert len(updates["data"]["unblock_stdout"]["answer"]) == 1_000_000
    (finished,) = ended.events("finished")
    assert len(finished["output"]["answer"]) == 1_000_000


def test_huge_output_is_cut_in_the_report_and_in_the_log(graph_pod: MakePod) -> None:
    ended = graph_pod("graphs:large_output", input={"n": 3_000_000}).run()

    assert ended.verdict() == (0, "Succeeded", None)
    assert ended.report["outputTruncated"] is True
    (finished,) = ended.events("finished")
    assert finished["output"]["n"] == 3_000_000
    assert len(finished["output"]["answer"]) < 1000


def test_a_question_is_asked_however_large_the_state_is(graph_pod: MakePod) -> None:
    ended = graph_pod("graphs:large_and_asks", input={"n": 3_000_000}).run()

    assert ended.verdict() == (0, "Succeeded", None)
    (asked,) = ended.report["interrupts"]
    assert asked["value"] == {"question": "really?"}


def test_a_failure_keeps_its_reason_however_long_its_message_is(graph_pod: MakePod) -> None:
    ended = graph_pod("graphs:fails_at_length", input={"n": 5_000_000}).run()

    assert ended.verdict() == (1, "Failed", "AgentFailed")
    assert ended.report["message"].startswith("ValueError: xxx")


def test_a_failing_node_fails_the_run_and_keeps_its_checkpoints(graph_pod: MakePod) -> None:
    ended = graph_pod("graphs:fails", input={"n": 1}).run()

    assert ended.verdict() == (1, "Failed", "AgentFailed")
    assert ended.report["message"] == "ValueError: the model said no"
    assert ended.report["checkpoint"]["count"] == 3
    assert "Traceback" in ended.stderr


def test_a_retry_resumes_and_does_not_start_from_the_input_again(graph_pod: MakePod) -> None:
    pod = graph_pod("graphs:fails_once", input={"n": 1})
    assert pod.run().verdict() == (1, "Failed", "AgentFailed")
    ended = pod.run()

    assert ended.verdict() == (0, "Succeeded", None)
    assert ended.report["output"] == {"n": 2}
    assert "add_one runs" not in ended.lines


def test_a_retry_of_a_run_that_had_ended_only_reports_the_result(graph_pod: MakePod) -> None:
    pod = graph_pod("graphs:graph", input={"n": 1})
    first = pod.run()
    ended = pod.run()

    assert ended.report == first.report
    assert "add_one runs" not in ended.lines


@pytest.mark.parametrize(
    ("graph", "told"),
    [
        ("dies", "killed by SIGKILL, not by the runner; most often that is the memory limit"),
        ("crashes", "killed by SIGSEGV"),
        ("leaves", "ended with exit code 0"),
        ("exits", "SystemExit: 3"),
        ("nonsense", "InvalidUpdateError: Expected dict, got 5"),
    ],
)
def test_an_agent_that_crashes_fails_with_the_cause(
    graph_pod: MakePod, graph: str, told: str
) -> None:
    ended = graph_pod(f"graphs:{graph}", input={"n": 1}).run()

    assert ended.verdict() == (1, "Failed", "AgentFailed")
    assert told in ended.report["message"]


def test_an_error_that_a_node_error_handler_handles_is_no_failure(graph_pod: MakePod) -> None:
    ended = graph_pod("graphs:handles", input={"n": 1}).run()

    assert ended.verdict() == (0, "Succeeded", None)
    assert ended.report["output"]["answer"] == "fail failed: the model said no"


def test_a_nodes_writes_to_the_stream_are_in_the_log(graph_pod: MakePod) -> None:
    ended = graph_pod("graphs:writes_to_the_stream", input={}).run()

    first, second = (event["data"] for event in ended.events("custom"))
    assert first == {"progress": "half"}
    assert second.startswith("xxx")
    assert len(second) < 16_384


def test_an_endless_graph_ends_at_the_recursion_limit(graph_pod: MakePod) -> None:
    ended = graph_pod("graphs:endless", input={"n": 1}, config={"recursionLimit": 3}).run()

    assert ended.verdict() == (1, "Failed", "AgentFailed")
    assert "Recursion limit of 3" in ended.report["message"]
    assert "spec.config.recursionLimit" in ended.report["message"]


@pytest.mark.parametrize(
    ("graph", "given", "told"),
    [
        ("graph", 5, "the graph refused spec.input: InvalidUpdateError: Expected dict, got 5"),
        ("graph", 5, "give an object with n, answer, left, right"),
        ("strict", {"n": "many"}, "ValidationError"),
        ("talks", {"messages": [{"role": "nobody"}]}, "the graph refused spec.input"),
    ],
)
def test_input_that_the_graph_does_not_take_is_named(
    graph_pod: MakePod, graph: str, given: object, told: str
) -> None:
    ended = graph_pod(f"graphs:{graph}", input=given).run()

    assert ended.verdict() == (2, "Failed", "InvalidInput")
    assert told in ended.report["message"]


def test_a_retry_refuses_the_input_again(graph_pod: MakePod) -> None:
    pod = graph_pod("graphs:graph", input=5)
    pod.run()

    assert pod.run().verdict() == (2, "Failed", "InvalidInput")


def test_an_edge_that_fails_for_a_moment_does_not_blame_the_input(graph_pod: MakePod) -> None:
    pod = graph_pod("graphs:routes", input={"n": 1})
    assert pod.run().verdict() == (1, "Failed", "AgentFailed")
    retried = pod.run()

    assert retried.report["output"] == {"n": 2}


def test_a_new_thread_needs_input(graph_pod: MakePod) -> None:
    ended = graph_pod("graphs:graph").run()

    assert ended.verdict() == (2, "Failed", "InvalidInput")
    assert "spec.input is missing" in ended.report["message"]
    assert ended.report["checkpoint"] == {"id": None, "count": 0}


@pytest.mark.parametrize(
    ("graph", "told"),
    [
        ("graphs", 'write it as "module:attribute"'),
        ("nowhere:graph", "spec.code.configMap"),
        ("graphs:nothing", "its graphs are: builder, graph"),
        ("graphs:not_a_graph", "leads to a dict"),
        ("graphs:unfinished", "Graph must have an entrypoint"),
        ("broken_import:graph", "ValueError: bad configuration"),
        ("needs_a_library:graph", "imports 'surely_not_installed', which is not there"),
    ],
)
def test_a_graph_that_cannot_be_loaded_is_named_with_the_fix(
    graph_pod: MakePod, graph: str, told: str
) -> None:
    ended = graph_pod(graph, input={}).run()

    assert ended.verdict() == (2, "Failed", "GraphImportFailed")
    assert ended.report["message"].startswith("Agent spec.runtime.langgraph.graph")
    assert told in ended.report["message"]


def test_a_graph_whose_factory_fails_once_is_made_by_a_retry(graph_pod: MakePod) -> None:
    pod = graph_pod("graphs:fails_once_to_be_made", input={"n": 1})
    ended = pod.run()

    assert ended.verdict() == (1, "Failed", "AgentFailed")
    assert ended.report["message"].startswith("Agent spec.runtime.langgraph.graph")
    assert "ConnectionError: the model is away" in ended.report["message"]
    assert "fail_once" in ended.stderr
    assert pod.run().verdict() == (0, "Succeeded", None)


def test_configurable_reaches_the_graph_but_cannot_change_the_thread(graph_pod: MakePod) -> None:
    configurable = {"thread_id": "other", "model": "small"}
    ended = graph_pod("graphs:tells_config", input={}, config={"configurable": configurable}).run()

    assert ended.report["output"]["answer"] == ["talk", "small"]


def test_a_runs_files_can_be_removed_by_the_group(graph_pod: MakePod) -> None:
    pod = graph_pod("graphs:graph", input={"n": 1})
    pod.run()

    (segment,) = (pod.thread_dir / "segments").iterdir()
    assert segment.stat().st_mode & 0o070 == 0o070
    assert (segment / "checkpoints.log").stat().st_mode & 0o060 == 0o060


def test_a_run_that_was_rolled_back_does_nothing(graph_pod: MakePod) -> None:
    assert graph_pod("graphs:fails", input={"n": 1}).run().exit_code == 1
    pod = graph_pod("graphs:graph")
    drop_run(pod.root / "store", "threads/talk", pod.uid)
    ended = pod.run()

    assert ended.verdict() == (2, "Failed", "RunRolledBack")
    assert "add_one runs" not in ended.lines
    assert not ended.events("updates")


def test_a_store_that_cannot_be_written_fails_the_run_as_store_failed(graph_pod: MakePod) -> None:
    pod = graph_pod("graphs:graph", input={"n": 1})
    pod.thread_dir.parent.write_text("a file where a directory should be")
    ended = pod.run()

    assert ended.verdict() == (1, "Failed", "StoreFailed")
