"""The threads that run the graph's code, and how a stop interrupts them.

The event loop runs in a thread, and the main thread is the first worker of its executor. WHY: the
runner always calls `astream`, as LangGraph's own server does, since many graphs have parts that are
async only (MCP tools, async nodes), which the sync API refuses; but then sync nodes run in the
executor, and a signal can interrupt a blocking call (a sleep, a model call) only in the main
thread. So a stop cancels the async nodes and raises `Stopped` in the sync ones: at once in the main
thread, and in the others (of a fan-out) when their call has returned. All of them run their
`finally` blocks. If code blocks the event loop or never returns to Python, the supervisor kills it
at the end of the grace period.

The supervisor sends SIGTERM and closes the stop pipe. Either is enough: the agent's libraries may
handle SIGTERM themselves or block it, and then a thread that reads the pipe stops the graph, with
a signal of its own to the main thread. If the agent ignores SIGTERM, no further node begins, but
its sync nodes are not interrupted.
"""

import asyncio
import ctypes
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


_set_handler = signal.signal  # before the agent's libraries can replace it
_WAKE_UP = signal.SIGRTMAX - 3  # no library is known to use it


class Stopped(BaseException):
    """The run is being stopped. Not an Exception, so that `except Exception` does not catch it."""


@dataclass(slots=True)
class _Job:
    function: Callable[[], Any]
    future: Future[Any]
    cleaning_up: bool
    """Whether a task that the stop had already cancelled submitted it, so that it may run."""


class MainThread(ThreadPoolExecutor):
    """The event loop's executor, which prefers the main thread. Make it there, for SIGTERM."""

    def __init__(self, stop_fd: int) -> None:
        """`stop_fd`: a pipe that ends when the graph must stop."""
        super().__init__(thread_name_prefix="agent")
        self.stopping = False
        self._first_stop = threading.Lock()  # the first of SIGTERM and pipe takes it and keeps it
        self._cancelled = False
        self._interruptible = False
        self._busy_pool_threads: set[int] = set()
        self._idle = threading.Semaphore(0)  # 1 while the main thread has no job
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._cancel: Callable[[], object] = lambda: None
        self._loop_error: BaseException | None = None
        _set_handler(signal.SIGTERM, self._on_sigterm)
        _set_handler(_WAKE_UP, self._on_wake_up)
        threading.Thread(target=self._read_pipe, args=(stop_fd,), name="stop", daemon=True).start()

    def _on_sigterm(self, *_: object) -> None:
        if self._first_stop.acquire(blocking=False):
            self.stopping = True
            self._cancel_graph()
            self._interrupt_pool()
            self._on_wake_up()

    def _on_wake_up(self, *_: object) -> None:
        if self.stopping and self._interruptible:
            self._interruptible = False
            raise Stopped

    def _read_pipe(self, stop_fd: int) -> None:
        while os.read(stop_fd, 1):
            pass
        if not self._first_stop.acquire(blocking=False):
            return
        self.stopping = True
        if signal.getsignal(signal.SIGTERM) is signal.SIG_IGN:
            self._cancel_graph()  # the agent ignores SIGTERM: its sync nodes run to their end
            return
        main = threading.main_thread().ident or 0
        if signal.getsignal(_WAKE_UP) == self._on_wake_up and not _is_blocked(_WAKE_UP):
            signal.pthread_kill(main, _WAKE_UP)
        elif self._interruptible:
            _raise_in(main)
        self._cancel_graph()
        self._interrupt_pool()

    def _cancel_graph(self) -> None:
        with suppress(RuntimeError):  # the loop has just been closed
            self._cancel()

    def _interrupt_pool(self) -> None:
        for thread in self._busy_pool_threads.copy():
            _raise_in(thread)

    def call(self, function: Callable[[], _T], *, cleaning_up: bool = False) -> _T:
        """Call the function in the main thread. A stop raises `Stopped` in it, unless it is part of
        the clean-up after a stop."""
        self._interruptible = not cleaning_up
        try:
            if self.stopping and not cleaning_up:
                raise Stopped
            return function()
        finally:
            self._interruptible = False

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Run the function in the main thread if that is idle, else in a thread of the pool."""
        function = partial(fn, *args, **kwargs)
        if not self._idle.acquire(blocking=False):
            return super().submit(self._call_in_pool, function, self._cancelled)
        future: Future[_T] = Future()
        self._jobs.put(_Job(function, future, self._cancelled))
        return future

    def _call_in_pool(self, function: Callable[[], _T], cleaning_up: bool) -> _T:
        thread = threading.get_ident()
        self._busy_pool_threads.add(thread)
        try:
            if self.stopping and not cleaning_up:
                raise Stopped
            return function()
        finally:
            self._busy_pool_threads.discard(thread)

    def run(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run the coroutine in an event loop until it has ended; a stop cancels it.

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
        # Idle first, then the result: the caller that waits for it may submit the next job at once.
        if not job.future.set_running_or_notify_cancel():
            self._idle.release()
            return
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            # A library replaced the handler and restored the default, which would end the process.
            _set_handler(signal.SIGTERM, self._on_sigterm)
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

        def cancel() -> None:
            self._cancelled = True
            task.cancel()

        self._cancel = partial(loop.call_soon_threadsafe, cancel)
        if self.stopping:
            cancel()
        await task


def _raise_in(thread: int) -> None:
    """Raise `Stopped` in the thread when it returns to Python; no signal wakes it from a call."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Stopped))


def _is_blocked(signum: int) -> bool:
    """Whether the main thread, whose id is the process's, blocks the signal."""
    status = Path(f"/proc/self/task/{os.getpid()}/status").read_text()
    blocked = int(status.partition("SigBlk:")[2].split()[0], 16)
    return bool(blocked >> (signum - 1) & 1)
