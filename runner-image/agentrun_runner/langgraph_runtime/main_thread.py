"""Where the graph's code runs, and how SIGTERM gets it out of there.

The event loop runs in a thread, and the main thread is the first worker of its executor. WHY: the
graph is always run with `astream`, as LangGraph's own server does, since many graphs have parts
that are async only (MCP tools, async nodes), which the sync API refuses; but then sync nodes run
in the executor, and of all threads only the main one can be got out of a blocking call (a sleep, a
model call) by a signal. So SIGTERM cancels the async nodes and raises `Stopped` in the sync ones:
at once in the main thread, and in the others (of a fan-out) when their call has returned. All of
them run their `finally` blocks. What blocks the event loop or never comes back to Python ends with
the grace period; that is the supervisor's part.
"""

import asyncio
import ctypes
import signal
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Stopped(BaseException):
    """SIGTERM came. Not an Exception: nobody is meant to catch it and go on."""


@dataclass(slots=True)
class _Job:
    function: Callable[[], Any]
    future: Future[Any]
    cleaning_up: bool
    """Begun by what SIGTERM had already cancelled, so it may run."""


class MainThread(ThreadPoolExecutor):
    """The event loop's executor, which prefers the main thread. Make it there: it takes SIGTERM."""

    def __init__(self) -> None:
        super().__init__(thread_name_prefix="agent")
        self.stopping = False
        self._interruptible = False
        self._busy_pool_threads: set[int] = set()
        self._idle = threading.Semaphore(0)  # 1 while the main thread has no job
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._cancel: Callable[[], object] = lambda: None
        self._loop_error: BaseException | None = None
        signal.signal(signal.SIGTERM, self._on_sigterm)

    def _on_sigterm(self, *_: object) -> None:
        if self.stopping:
            return
        self.stopping = True
        with suppress(RuntimeError):  # the loop has just been closed
            self._cancel()
        for thread in self._busy_pool_threads.copy():
            # Takes effect when the thread is back in Python; nothing can wake it from a call.
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread), ctypes.py_object(Stopped)
            )
        if self._interruptible:
            raise Stopped

    def call(self, function: Callable[[], _T], *, cleaning_up: bool = False) -> _T:
        """Call the function in the main thread. SIGTERM raises `Stopped` in it."""
        self._interruptible = True
        try:
            if self.stopping and not cleaning_up:
                raise Stopped
            return function()
        finally:
            self._interruptible = False

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Run the function in the main thread if that is idle, else in one of the pool."""
        function = partial(fn, *args, **kwargs)
        if not self._idle.acquire(blocking=False):
            return super().submit(self._call_in_pool, function)
        future: Future[_T] = Future()
        self._jobs.put(_Job(function, future, self.stopping))
        return future

    def _call_in_pool(self, function: Callable[[], _T]) -> _T:
        thread = threading.get_ident()
        self._busy_pool_threads.add(thread)
        try:
            return function()
        finally:
            self._busy_pool_threads.discard(thread)

    def run(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run the coroutine in an event loop until it has ended; SIGTERM cancels it.

        Raises:
            BaseException: what the coroutine raised.
        """
        loop = threading.Thread(target=self._run_loop, args=(main,), name="event-loop")
        loop.start()
        self._idle.release()
        while (job := self._jobs.get()) is not None:
            self._serve(job)
        loop.join()
        if self._loop_error:
            raise self._loop_error

    def _serve(self, job: _Job) -> None:
        # Each time idle first, then the result: what waits for it may have the next job at once.
        if not job.future.set_running_or_notify_cancel():
            self._idle.release()
            return
        try:
            result = self.call(job.function, cleaning_up=job.cleaning_up)
        except BaseException as error:
            self._idle.release()
            job.future.set_exception(error)
        else:
            self._idle.release()
            job.future.set_result(result)

    def _run_loop(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            asyncio.run(self._main(main))
        except BaseException as error:
            self._loop_error = error
        finally:
            self._jobs.put(None)

    async def _main(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(self)
        task = asyncio.ensure_future(main())
        self._cancel = partial(loop.call_soon_threadsafe, task.cancel)
        if self.stopping:
            task.cancel()
        await task
