"""The work queue: nothing twice at a time, nothing lost, failures later and later."""

import asyncio

from agentrun_operator.workqueue import Key, WorkQueue

A, B = Key("run", "ns", "a"), Key("run", "ns", "b")


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
