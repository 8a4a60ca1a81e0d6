"""Resumes: answers to a graph's questions, and older checkpoints to start from."""

from typing import Any

import pytest

from agentrun_store.rollback import drop_run
from agentrun_store.thread import Store
from unit.runner.pod import Ended, MakePod, Pod


def waiting(ended: Ended) -> list[Any]:
    return [interrupt["value"] for interrupt in ended.report.get("interrupts", [])]


def test_the_answer_of_the_next_run_reaches_the_node_that_asked(graph_pod: MakePod) -> None:
    asked = graph_pod("graphs:asks", input={"n": 1}).run()
    assert waiting(asked) == [{"question": "really?"}]
    ended = graph_pod("graphs:asks", resume={"sure": True}).run()

    assert ended.verdict() == (0, "Succeeded", None)
    assert ended.report["output"] == {"n": 2, "answer": {"sure": True}}
    assert waiting(ended) == []
    assert "add_one runs" not in ended.lines


@pytest.mark.parametrize("answer", [False, 0, ""])
def test_an_answer_that_is_falsy_is_an_answer(graph_pod: MakePod, answer: object) -> None:
    graph_pod("graphs:asks", input={"n": 1}).run()
    ended = graph_pod("graphs:asks", resume=answer).run()

    assert ended.report["output"]["answer"] == answer


def test_several_open_interrupts_are_answered_by_id(graph_pod: MakePod) -> None:
    asked = graph_pod("graphs:asks_two", input={"n": 1}).run()
    by_question = {i["value"]: i["id"] for i in asked.report["interrupts"]}
    answers = {by_question["left?"]: "l", by_question["right?"]: "r"}
    ended = graph_pod("graphs:asks_two", resume=answers).run()

    assert (ended.report["output"]["left"], ended.report["output"]["right"]) == ("l", "r")


def test_a_node_that_asks_again_gets_its_second_answer_from_the_run_after(
    graph_pod: MakePod,
) -> None:
    graph_pod("graphs:asks_twice", input={"n": 1}).run()
    again = graph_pod("graphs:asks_twice", resume="a").run()
    assert waiting(again) == ["second?"]
    ended = graph_pod("graphs:asks_twice", resume="b").run()

    assert ended.report["output"]["answer"] == ["a", "b"]


def test_after_the_rollback_of_its_answer_a_question_is_open_again(graph_pod: MakePod) -> None:
    """Failure mode 63: no write of the resuming run stays on the checkpoint that it answered."""
    graph_pod("graphs:asks", input={"n": 1}).run()
    answering = graph_pod("graphs:asks", resume="yes")
    assert answering.run().report["output"]["answer"] == "yes"
    drop_run(answering.root / "store", "threads/talk", answering.uid)
    asked = graph_pod("graphs:asks").run()
    assert waiting(asked) == [{"question": "really?"}]
    ended = graph_pod("graphs:asks", resume="no").run()

    assert ended.report["output"]["answer"] == "no"


def test_an_answer_without_an_open_question_is_refused(graph_pod: MakePod) -> None:
    graph_pod("graphs:graph", input={"n": 1}).run()
    ended = graph_pod("graphs:graph", resume="yes").run()

    assert ended.verdict() == (2, "Failed", "InvalidInput")
    assert "spec.resume" in ended.report["message"]


def test_a_plain_answer_to_several_questions_is_refused_with_their_ids(graph_pod: MakePod) -> None:
    asked = graph_pod("graphs:asks_two", input={"n": 1}).run()
    ended = graph_pod("graphs:asks_two", resume="yes").run()

    assert ended.verdict() == (2, "Failed", "InvalidInput")
    assert all(i["id"] in ended.report["message"] for i in asked.report["interrupts"])


def test_an_answer_to_a_question_that_is_not_open_reaches_no_other(graph_pod: MakePod) -> None:
    asked = graph_pod("graphs:asks_twice", input={"n": 1}).run()
    [first] = asked.report["interrupts"]
    graph_pod("graphs:asks_twice", resume={first["id"]: "a"}).run()
    ended = graph_pod("graphs:asks_twice", resume={first["id"]: "a"}).run()

    assert ended.verdict() == (2, "Failed", "InvalidInput")
    assert first["id"] in ended.report["message"]


def test_an_answer_at_a_breakpoint_is_no_answer_to_the_question_behind_it(
    graph_pod: MakePod,
) -> None:
    stopped = graph_pod("gates:asks_behind", input={"n": 1}).run()
    assert stopped.report["interrupts"] == [{"node": "ask"}]
    ended = graph_pod("gates:asks_behind", resume=True).run()

    assert waiting(ended) == [{"question": "really?"}]


def test_an_answered_question_is_not_reported_at_the_breakpoint_behind_it(
    graph_pod: MakePod,
) -> None:
    graph_pod("gates:asks_before_in_a_subgraph", input={"n": 1}).run()
    ended = graph_pod("gates:asks_before_in_a_subgraph", resume="yes").run()

    assert ended.report["interrupts"] == [{"node": "subgraph"}]
    assert not (ended.pod.root / "guarded-ran").exists()


def test_an_answer_reaches_the_node_though_its_subgraph_has_failed(graph_pod: MakePod) -> None:
    asked = graph_pod("questions:asks_about_a_failure", input={"n": 1}).run()
    assert waiting(asked) == ["go on without it?"]
    ended = graph_pod("questions:asks_about_a_failure", resume="yes").run()

    assert ended.report["output"]["answer"] == "yes"


def test_an_answer_that_is_given_again_is_no_answer_to_the_next_question(
    graph_pod: MakePod,
) -> None:
    graph_pod("questions:fails_in_between", input={"n": 1}).run()
    failed = graph_pod("questions:fails_in_between", resume="yes").run()
    assert failed.verdict() == (1, "Failed", "AgentFailed")
    again = graph_pod("questions:fails_in_between", resume="yes").run()
    assert again.verdict() == (2, "Failed", "InvalidInput")
    assert "has its answer" in again.report["message"]
    ended = graph_pod("questions:fails_in_between").run()

    assert waiting(ended) == ["second?"]


def checkpoint_ids(pod: Pod) -> list[str]:
    """Ids of the checkpoints of the pod's run, oldest first."""
    thread = Store(pod.root / "store").thread("threads/talk")
    (segment,) = [segment for segment in thread.segments() if segment.run == pod.uid]
    return sorted(segment.index.checkpoints["talk", ""])


def test_a_fork_starts_from_the_older_checkpoint_and_its_rollback_restores_the_line(
    graph_pod: MakePod,
) -> None:
    first = graph_pod("graphs:graph", input={"n": 1}).run()
    before = checkpoint_ids(first.pod)
    after_add_one = before[2]
    fork = graph_pod("graphs:graph", checkpoint={"id": after_add_one}).run()
    assert fork.report["output"] == {"n": 4}
    assert "add_one runs" not in fork.lines
    drop_run(fork.pod.root / "store", "threads/talk", fork.pod.uid)
    later = graph_pod("graphs:graph").run()

    assert later.report["output"] == {"n": 4}
    assert checkpoint_ids(first.pod) == before


def test_a_fork_with_another_input_starts_from_the_older_state(graph_pod: MakePod) -> None:
    first = graph_pod("graphs:graph", input={"n": 1}).run()
    fork = graph_pod(
        "graphs:graph", input={"answer": "x"}, checkpoint={"id": checkpoint_ids(first.pod)[2]}
    ).run()

    assert fork.report["output"] == {"n": 6, "answer": "x"}


def test_a_checkpoint_that_the_thread_does_not_have_is_named(graph_pod: MakePod) -> None:
    graph_pod("graphs:graph", input={"n": 1}).run()
    ended = graph_pod("graphs:graph", checkpoint={"id": "1f1e5533-0000-6000-8000-000000000000"})

    report = ended.run().report
    assert (report["result"], report["reason"]) == ("Failed", "InvalidInput")
    assert "spec.checkpoint.id" in report["message"]


def test_a_retry_of_a_fork_resumes_from_its_own_checkpoints(graph_pod: MakePod) -> None:
    first = graph_pod("graphs:fails_once", input={"n": 1})
    assert first.run().verdict() == (1, "Failed", "AgentFailed")
    (first.root / "failed-once").unlink()
    ids = checkpoint_ids(first)
    fork = graph_pod("graphs:fails_once", checkpoint={"id": ids[1]})
    assert fork.run().verdict() == (1, "Failed", "AgentFailed")
    retried = fork.run()

    assert retried.verdict() == (0, "Succeeded", None)
    assert "add_one runs" not in retried.lines


def test_a_fork_whose_graph_asks_again_reports_its_own_question(graph_pod: MakePod) -> None:
    asked = graph_pod("graphs:asks_twice", input={"n": 1}).run()
    graph_pod("graphs:asks_twice", input={"n": 2}).run()
    start = {"id": asked.report["checkpoint"]["id"]}
    fork = graph_pod("graphs:asks_twice", resume="a", checkpoint=start).run()

    assert waiting(fork) == ["second?"]
    assert fork.report["output"] == {"n": 1}


def test_a_fork_that_answers_one_of_two_questions_reports_the_other(graph_pod: MakePod) -> None:
    asked = graph_pod("graphs:asks_two", input={"n": 1}).run()
    by_question = {i["value"]: i["id"] for i in asked.report["interrupts"]}
    graph_pod("graphs:asks_two", input={"n": 2}).run()
    start = {"id": asked.report["checkpoint"]["id"]}
    answers = {by_question["left?"]: "l"}
    fork = graph_pod("graphs:asks_two", resume=answers, checkpoint=start).run()

    assert waiting(fork) == ["right?"]


def test_a_fork_gives_its_own_answers_where_another_line_has_answered(graph_pod: MakePod) -> None:
    asked = graph_pod("graphs:asks_twice_and_works", input={"n": 1}).run()
    graph_pod("graphs:asks_twice_and_works", resume="a").run()
    line = graph_pod("graphs:asks_twice_and_works", resume="b").run()
    assert line.report["output"]["answer"] == ["a", "b"]
    start = {"id": asked.report["checkpoint"]["id"]}
    fork = graph_pod("graphs:asks_twice_and_works", resume="x", checkpoint=start).run()
    assert waiting(fork) == ["second?"]
    ended = graph_pod("graphs:asks_twice_and_works", resume="y", checkpoint=start).run()

    assert ended.report["output"] == {"n": 2, "answer": ["x", "y"]}


def test_a_fork_uses_no_answer_of_a_run_that_was_rolled_back(graph_pod: MakePod) -> None:
    """Failure mode 63: the answer stays for the other line, but the fork does not get it."""
    asked = graph_pod("graphs:asks_and_logs", input={"log": ["start"]}).run()
    answered = graph_pod("graphs:asks_and_logs", resume="a").run()
    graph_pod("graphs:asks_and_logs", input={"log": ["later"]}).run()
    drop_run(answered.pod.root / "store", "threads/talk", answered.pod.uid)
    start = {"id": asked.report["checkpoint"]["id"]}
    fork = graph_pod("graphs:asks_and_logs", resume="x", checkpoint=start).run()

    assert fork.report["output"] == {"log": ["start", "x"]}


def test_later_runs_rebuild_a_forks_answer_and_not_that_of_the_other_line(
    graph_pod: MakePod,
) -> None:
    """Both lines' writes are at the same checkpoint, under the same task id."""
    asked = graph_pod("graphs:asks_and_logs", input={"log": ["start"]}).run()
    graph_pod("graphs:asks_and_logs", resume="a").run()
    start = {"id": asked.report["checkpoint"]["id"]}
    fork = graph_pod("graphs:asks_and_logs", resume="x", checkpoint=start).run()
    assert fork.report["output"] == {"log": ["start", "x"]}
    later = graph_pod("graphs:asks_and_logs", input={"log": ["later"]}).run()

    assert later.report["output"] == {"log": ["start", "x", "later"]}


def test_a_fork_from_before_a_damaged_segment_succeeds(graph_pod: MakePod) -> None:
    first = graph_pod("graphs:graph", input={"n": 1}).run()
    damaged = graph_pod("graphs:graph", input={"n": 2}).run()
    [log] = damaged.pod.thread_dir.glob("segments/000002-*/checkpoints.log")
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 0xFF
    log.write_bytes(content)
    assert graph_pod("graphs:graph").run().verdict() == (1, "Failed", "StoreFailed")
    start = {"id": first.report["checkpoint"]["id"]}
    fork = graph_pod("graphs:graph", input={"n": 3}, checkpoint=start).run()

    assert fork.report["output"] == {"n": 8}
