"""The work queue: no key twice at a time, none lost, failures retried with growing pauses."""

import asyncio

import pytest

from agentrun_operator.state import workqueue
from agentrun_operator.state.workqueue import Key, Reconciler, Urgency, WorkQueue

A, B = Key(Reconciler.RUN, "ns", "a"), Key(Reconciler.RUN, "ns", "b")


async def test_a_key_is_queued_once_however_often_it_is_added() -> None:
    queue = WorkQueue(share=8)
    queue.add(A)
    queue.add(A)
    queue.add(B)
    assert await queue.take() == A
    assert await queue.take() == B
    waiting = asyncio.ensure_future(queue.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()


async def test_a_key_that_is_worked_on_is_handed_out_again_only_when_it_is_done() -> None:
    queue = WorkQueue(share=8)
    queue.add(A)
    assert await queue.take() == A
    queue.add(A)
    again = asyncio.ensure_future(queue.take())
    await asyncio.sleep(0)
    assert not again.done()
    queue.done(A)
    assert await again == A


async def test_a_key_added_at_once_does_not_wait_for_its_timer() -> None:
    queue = WorkQueue(share=8)
    queue.add_after(A, 3600)
    queue.add(A)
    assert await queue.take() == A
    queue.close()


async def test_the_earlier_of_two_times_counts() -> None:
    queue = WorkQueue(share=8)
    queue.add_after(A, 0)
    queue.add_after(A, 3600)
    async with asyncio.timeout(5):
        assert await queue.take() == A
    queue.close()


async def test_failures_in_a_row_wait_longer_up_to_a_minute() -> None:
    loop = asyncio.get_running_loop()
    queue = WorkQueue(share=8)
    waits = []
    for _ in range(15):
        queue.add_failed(A)
        waits.append(queue.due(A) - loop.time())
        queue.close()
    assert waits[0] <= 0.1
    assert 29 < waits[-1] <= 60
    queue.forget_failures(A)
    queue.add_failed(A)
    assert queue.due(A) - loop.time() <= 0.1
    queue.close()


def key(namespace: str, name: str) -> Key:
    return Key(Reconciler.RUN, namespace, name)


async def taken(queue: WorkQueue, count: int) -> list[str]:
    return [(await queue.take()).namespace for _ in range(count)]


async def test_namespaces_take_turns_however_many_keys_each_has() -> None:
    queue = WorkQueue(share=100)
    for number in range(20):
        queue.add(key("crowd", f"r{number}"))
    queue.add(key("small", "r"))
    queue.add(key("other", "r"))
    assert set(await taken(queue, 3)) == {"crowd", "small", "other"}


async def test_a_namespace_has_its_share_of_the_workers_and_no_more() -> None:
    queue = WorkQueue(share=2)
    for number in range(5):
        queue.add(key("slow", f"r{number}"))
    first = [await queue.take() for _ in range(2)]
    waiting = asyncio.ensure_future(queue.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.add(key("quick", "r"))
    assert (await waiting).namespace == "quick"
    queue.done(first[0])
    assert (await queue.take()).namespace == "slow"


async def test_stops_come_before_news_and_both_before_routine_looks() -> None:
    queue = WorkQueue(share=8)
    queue.add(A, Urgency.ROUTINE)
    queue.add(B)
    queue.add(key("ns", "c"), Urgency.STOP)
    assert [(await queue.take()).name for _ in range(3)] == ["c", "b", "a"]


async def test_a_key_that_waits_becomes_more_urgent_but_never_less() -> None:
    queue = WorkQueue(share=8)
    for later in (Urgency.ROUTINE, Urgency.STOP, Urgency.NEWS):
        queue.add(A, later)
        queue.add(B)
    assert [await queue.take() for _ in range(2)] == [A, B]


async def test_a_key_that_is_done_leaves_nothing_behind() -> None:
    queue = WorkQueue(share=8)
    queue.add(A)
    queue.done(await queue.take())
    assert (queue._turns, queue._active) == ({}, {})


async def test_the_longest_wait_counts_from_the_last_turn_of_the_namespace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A long queue is healthy as long as it moves."""
    time = 0.0
    monkeypatch.setattr(workqueue, "monotonic", lambda: time)
    queue = WorkQueue(share=1)
    assert (queue.longest_wait(), queue.longest_work()) == (0, 0)
    queue.add(A)
    queue.add(B)
    time = 10.0
    assert queue.longest_wait() == 10
    await queue.take()
    time = 15.0
    assert (queue.longest_wait(), queue.longest_work()) == (5, 5)
    queue.done(A)
    queue.done(await queue.take())
    assert (queue.longest_wait(), queue.longest_work()) == (0, 0)
