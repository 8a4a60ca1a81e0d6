"""Real LangGraph graphs, each run in a pod of its own: a new saver on the same directory."""

import operator
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt

from agentrun_store.checkpointer import StoreSaver
from agentrun_store.rollback import drop_run
from agentrun_store.summary import summary
from unit.store.conftest import Tool
from unit.store.graphs import CHAT, delta_runs, pod
from unit.store.support import RUN_A, RUN_B, RUN_C, THREAD, content

Durability = Literal["sync", "async", "exit"]


class State(TypedDict):
    log: Annotated[list[str], operator.add]


def approval_graph(calls: list[str] | None = None) -> StateGraph[State]:
    """plan -> approve (asks a human) and work, side by side -> done"""
    made: list[str] = [] if calls is None else calls

    def node(name: str) -> Any:
        def run(state: State) -> dict[str, list[str]]:
            made.append(name)
            return {"log": [name]}

        return run

    def approve(state: State) -> dict[str, list[str]]:
        return {"log": [f"approved: {interrupt('may I?')}"]}

    graph = StateGraph(State)
    graph.add_node("plan", node("plan"))
    graph.add_node("approve", approve)
    graph.add_node("work", node("work"))
    graph.add_node("done", node("done"))
    graph.add_edge(START, "plan")
    graph.add_edge("plan", "approve")
    graph.add_edge("plan", "work")
    graph.add_edge(["approve", "work"], "done")
    graph.add_edge("done", END)
    return graph


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_a_run_pauses_and_another_one_resumes_it(durability: Durability, tmp_path: Path) -> None:
    calls: list[str] = []
    graph = approval_graph(calls)
    first = graph.compile(checkpointer=pod(tmp_path, RUN_A))
    paused = first.invoke({"log": ["start"]}, CHAT, durability=durability)
    assert paused["__interrupt__"][0].value == "may I?"

    second = graph.compile(checkpointer=pod(tmp_path, RUN_B))
    result = second.invoke(Command(resume="yes"), CHAT, durability=durability)
    assert result["log"] == ["start", "plan", "approved: yes", "work", "done"]
    assert calls == ["plan", "work", "done"], "the second run repeated a step of the first"
    assert second.get_state(CHAT).next == ()


async def test_a_run_pauses_and_another_one_resumes_it_with_the_async_methods(
    tmp_path: Path,
) -> None:
    calls: list[str] = []
    graph = approval_graph(calls)
    first = graph.compile(checkpointer=pod(tmp_path, RUN_A))
    paused = await first.ainvoke({"log": ["start"]}, CHAT)
    assert paused["__interrupt__"][0].value == "may I?"

    second = graph.compile(checkpointer=pod(tmp_path, RUN_B))
    events = [event async for event in second.astream(Command(resume="yes"), CHAT)]
    assert events[-1] == {"done": {"log": ["done"]}}
    assert calls == ["plan", "work", "done"]
    history = [state async for state in second.aget_state_history(CHAT)]
    assert history[0].values["log"] == ["start", "plan", "approved: yes", "work", "done"]
    assert history[-1].values == {"log": []}


def test_a_rolled_back_resume_leaves_the_question_open(tmp_path: Path) -> None:
    """Failure mode 63.

    Its answer and its finished steps were pending writes on the older run's checkpoint.
    """
    graph = approval_graph()
    graph.compile(checkpointer=pod(tmp_path, RUN_A)).invoke({"log": []}, CHAT)
    before = content(tmp_path)

    second = graph.compile(checkpointer=pod(tmp_path, RUN_B), interrupt_before=["done"])
    second.invoke(Command(resume="no"), CHAT)
    assert content(tmp_path) != before
    assert drop_run(tmp_path, THREAD, RUN_B) == 1
    assert content(tmp_path) == before

    third = graph.compile(checkpointer=pod(tmp_path, RUN_C))
    assert third.get_state(CHAT).interrupts[0].value == "may I?"
    result = third.invoke(Command(resume="yes"), CHAT)
    assert result["log"] == ["plan", "approved: yes", "work", "done"]


def test_a_failed_run_is_retried_from_its_last_checkpoint(tmp_path: Path) -> None:
    failures = [RuntimeError("the model is down")]

    def flaky(state: State) -> dict[str, list[str]]:
        if failures:
            raise failures.pop()
        return {"log": ["flaky"]}

    graph = StateGraph(State).add_sequence(
        [("first", lambda _: {"log": ["first"]}), ("flaky", flaky)]
    )
    graph.add_edge(START, "first")
    with pytest.raises(RuntimeError, match="the model is down"):
        graph.compile(checkpointer=pod(tmp_path, RUN_A)).invoke({"log": []}, CHAT)
    retry = graph.compile(checkpointer=pod(tmp_path, RUN_A))
    assert retry.invoke(None, CHAT)["log"] == ["first", "flaky"]
    last = retry.get_state(CHAT).config["configurable"]["checkpoint_id"]
    assert summary(tmp_path, THREAD, RUN_A) == (last, 4)


def test_a_run_forks_an_older_checkpoint_and_the_thread_continues_from_there(
    tmp_path: Path,
) -> None:
    graph = StateGraph(State).add_sequence(
        [(name, lambda _, name=name: {"log": [name]}) for name in ("a", "b", "c")]
    )
    graph.add_edge(START, "a")
    first = graph.compile(checkpointer=pod(tmp_path, RUN_A))
    first.invoke({"log": ["first"]}, CHAT)
    after_a = next(s for s in first.get_state_history(CHAT) if s.next == ("b",))

    second = graph.compile(checkpointer=pod(tmp_path, RUN_B))
    forked = second.update_state(after_a.config, {"log": ["edited"]})
    result = second.invoke(None, forked)
    assert result["log"] == ["first", "a", "edited", "b", "c"]

    third = graph.compile(checkpointer=pod(tmp_path, RUN_C))
    assert third.get_state(CHAT).values["log"] == ["first", "a", "edited", "b", "c"]
    drop_run(tmp_path, THREAD, RUN_B)
    again = graph.compile(checkpointer=StoreSaver(tmp_path))
    assert again.get_state(CHAT).values["log"] == ["first", "a", "b", "c"]


def test_subgraphs_resume_in_their_own_namespaces(tmp_path: Path) -> None:
    def outer_graph(saver: Any) -> Any:
        inner = approval_graph().compile()
        outer = StateGraph(State)
        outer.add_node("before", lambda _: {"log": ["before"]})
        outer.add_node("inner", inner)
        outer.add_edge(START, "before")
        outer.add_edge("before", "inner")
        return outer.compile(checkpointer=saver)

    results = []
    shared = InMemorySaver()
    for savers in ([shared, shared], [pod(tmp_path, RUN_A), pod(tmp_path, RUN_B)]):
        first, second = (outer_graph(saver) for saver in savers)
        first.invoke({"log": []}, CHAT)
        inner_state = second.get_state(CHAT, subgraphs=True).tasks[0].state.values["log"]
        result = second.invoke(Command(resume="yes"), CHAT)
        replay = next(s for s in second.get_state_history(CHAT) if s.next == ("inner",))
        replayed = second.invoke(None, replay.config)
        results.append((inner_state, result["log"], replayed["log"], "__interrupt__" in replayed))
    assert results[0] == results[1]
    assert results[1][0] == ["before", "plan", "work"]
    namespaces = {
        s.config["configurable"]["checkpoint_ns"] for s in StoreSaver(tmp_path).list(None)
    }
    assert {ns.split(":")[0] for ns in namespaces} == {"", "inner"}


def test_parallel_tasks_write_at_the_same_time(tmp_path: Path) -> None:
    def fan_out(state: State) -> list[Send]:
        return [Send("leaf", {"log": [str(number)]}) for number in range(50)]

    graph = StateGraph(State)
    graph.add_node("leaf", lambda state: {"log": [f"leaf {state['log'][0]}"]})
    graph.add_conditional_edges(START, fan_out, ["leaf"])
    run = graph.compile(checkpointer=pod(tmp_path, RUN_A))
    expected = [f"leaf {number}" for number in range(50)]
    assert run.invoke({"log": []}, CHAT)["log"] == expected
    states = list(graph.compile(checkpointer=StoreSaver(tmp_path)).get_state_history(CHAT))
    assert states[0].values["log"] == expected
    assert len(states[1].tasks) == 50
    assert all(task.result for task in states[1].tasks)


@pytest.mark.parametrize("rounds", range(1, 10))
def test_prune_and_copy_keep_what_delta_channels_are_rebuilt_from(
    rounds: int, tmp_path: Path
) -> None:
    graph = delta_runs(tmp_path, rounds)
    tool = StoreSaver(tmp_path)
    reader = graph.compile(checkpointer=tool)
    expected = reader.get_state(CHAT).values
    count = len(list(reader.get_state_history(CHAT)))
    assert len(expected["log"]) == 2 * rounds

    tool.copy_thread("chat", "copy")
    copied: RunnableConfig = {"configurable": {"thread_id": "copy"}}
    assert reader.get_state(copied).values == expected
    tool.prune(["chat"])
    assert reader.get_state(CHAT).values == expected
    assert len(list(reader.get_state_history(CHAT))) <= min(count, 8)
    assert reader.invoke({"log": ["more"]}, CHAT)["log"][:-2] == expected["log"]


@pytest.mark.parametrize("keep", [1, 2, 3])
@pytest.mark.parametrize("rounds", range(1, 7))
def test_the_tool_keeps_what_delta_channels_are_rebuilt_from(
    keep: int, rounds: int, tmp_path: Path, tool: Tool
) -> None:
    graph = delta_runs(tmp_path, rounds)

    def states() -> list[Any]:
        reader = graph.compile(checkpointer=StoreSaver(tmp_path))
        return [state.values for state in reader.get_state_history(CHAT)]

    before = states()
    assert tool("prune", "chat", "--keep", str(keep), "--no-run-is-live").code == 0
    assert states()[:keep] == before[:keep]
    assert len(states()) <= keep + 7, "a snapshot is never further away"
