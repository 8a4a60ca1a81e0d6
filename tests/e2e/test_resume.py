"""A graph that asks a person, and time travel."""

from typing import Any

import pytest

from .kubectl import Object
from .namespace import Namespace
from .run import condition


@pytest.mark.parametrize("word", [{"ok": True}, None])
def test_a_question_is_in_the_status_and_the_next_run_answers_it(
    ns: Namespace, word: object
) -> None:
    asked = ns.run("asks", thread="t", input={"plan": "shoes"})
    done = asked.wait("Succeeded")
    assert condition(done, "WaitingForInput") == ("True", "Interrupt")
    (question,) = done["status"]["interrupts"]
    assert question["value"] == {"question": "buy shoes?"}
    answer = ns.run("asks", thread="t", resume=word)
    output = answer.wait("Succeeded")["status"]["output"]
    assert output == {"plan": "buy shoes", "answer": word}
    assert condition(answer.get(), "WaitingForInput") is None


def test_several_questions_are_answered_by_their_ids_one_or_more_at_a_time(ns: Namespace) -> None:
    first = ns.run("asks-twice", thread="t", input={}).wait("Succeeded")["status"]
    asked = {question["value"]: question["id"] for question in first["interrupts"]}
    assert set(asked) == {"What is there to eat?", "What do you like?"}
    soup = {asked["What is there to eat?"]: "soup"}
    second = ns.run("asks-twice", thread="t", resume=soup).wait("Succeeded")
    assert condition(second, "WaitingForInput") == ("True", "Interrupt")
    (left,) = second["status"]["interrupts"]
    assert (left["id"], left["value"]) == (asked["What do you like?"], "What do you like?")
    last = ns.run("asks-twice", thread="t", resume={left["id"]: "bread"}).wait("Succeeded")
    assert condition(last, "WaitingForInput") is None
    assert last["status"]["output"] == {"answers": [["cook", "soup"], ["guest", "bread"]]}


def test_a_second_try_neither_passes_a_breakpoint_nor_answers_a_question_twice(
    ns: Namespace,
) -> None:
    """Each run is evicted after its graph has stopped, before it can report that."""
    stopped = evicted_while_closing(ns, input={"plan": "tidy up"})
    assert stopped["status"]["interrupts"] == [{"node": "table"}]
    passing = ns.run("closes-late", thread="t").wait("Succeeded")
    assert [asked["value"] for asked in passing["status"]["interrupts"]] == ["drop the table?"]
    answered = evicted_while_closing(ns, resume="yes")
    (question,) = answered["status"]["interrupts"]
    assert question["value"] == "drop the database?"
    last = ns.run("closes-late", thread="t", resume="no").wait("Succeeded")
    output = {"plan": "tidy up", "table": "yes", "database": "no"}
    assert last["status"]["output"] == output


def evicted_while_closing(ns: Namespace, **spec: Any) -> Object:
    config = {"configurable": {"hold": True}}
    run = ns.run("closes-late", thread="t", config=config, **spec)
    run.wait("Running")
    run.wait_log(event="closing")
    run.evict(run.pod()["metadata"]["name"])
    done = run.wait("Succeeded")
    assert done["status"]["attempts"] == 2
    assert condition(done, "WaitingForInput") == ("True", "Interrupt")
    return done


def test_a_rollback_of_the_answering_run_restores_the_question(ns: Namespace) -> None:
    """Failure mode 63."""
    ns.run("asks", thread="t", input={"plan": "shoes"}).wait("Succeeded")
    before = ns.store().state("t")
    slow = ns.run("slow-answer", thread="t", resume="yes")
    slow.wait("Running")
    slow.wait_log(event="answered")
    slow.cancel("rollback")
    slow.wait_gone()
    after = ns.store().state("t")
    assert after == before, "no write of the answering run may stay"
    answer = ns.run("asks", thread="t", resume="no")
    assert answer.wait("Succeeded")["status"]["output"]["answer"] == "no"


def test_a_fork_leaves_the_original_line_as_it_was_when_it_is_rolled_back(ns: Namespace) -> None:
    original = ns.run("steps", thread="t", input={"steps": 4})
    original.wait("Succeeded")
    before = ns.store().state("t")
    older = before.ids[2]
    config = {"configurable": {"hold": 4}}
    fork = ns.run("steps", thread="t", checkpoint={"id": older}, config=config)
    fork.wait_step(4)
    fork.cancel("rollback")
    fork.wait_gone()
    assert ns.store().state("t") == before
    again = ns.run("steps", thread="t", checkpoint={"id": older}, input={"steps": 3})
    assert again.wait("Succeeded")["status"]["output"]["done"] == [1, 2, 3]


def test_a_checkpoint_that_is_not_there_is_named(ns: Namespace) -> None:
    ns.run("steps", thread="t", input={"steps": 1}).wait("Succeeded")
    run = ns.run("steps", thread="t", checkpoint={"id": "none-such"}, retries=2)
    failed = run.wait("Failed")
    assert condition(failed, "Finished") == ("True", "InvalidInput")
    assert len(run.pods()) == 1
