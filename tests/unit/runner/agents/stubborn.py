"""Graphs of the runner's tests that are stopped, each with another reason not to stop.

A node prints "ready" when it is at the place where the test sends SIGTERM.
"""

import asyncio
import atexit
import ctypes
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from itertools import chain as chain_iterables
from itertools import repeat
from pathlib import Path
from typing import NoReturn

from agentrun_runner.result import ResultSlot
from unit.runner.agents.graphs import State, add_one, chain, double, fail, fan_out

STDOUT = 1


def ready() -> None:
    print("ready", flush=True)


def sleep(_: State) -> State:
    try:
        ready()
        time.sleep(600)
    finally:
        print("cleaned up")
    return {}


async def sleep_async(_: State) -> State:
    try:
        ready()
        await asyncio.sleep(600)
    finally:
        await asyncio.to_thread(print, "cleaned up")
    return {}


def spin(_: State) -> NoReturn:
    try:
        ready()
        while True:
            pass
    finally:
        print("cleaned up")


def spin_too(state: State) -> NoReturn:
    spin(state)


async def spin_async(_: State) -> NoReturn:
    ready()
    while True:
        pass


def wait_for_a_lock(_: State) -> State:
    """In C, without the GIL, and no signal wakes it."""
    mutex = ctypes.create_string_buffer(64)
    lock = ctypes.CDLL(None).pthread_mutex_lock
    lock(mutex)
    go_to_c_for_good(map(lock, [mutex]))
    return {}


def spin_in_c(_: State) -> State:
    """In C, with the GIL: no other thread runs either."""
    go_to_c_for_good(repeat(None))
    return {}


def go_to_c_for_good(work: Iterable[object]) -> None:
    """Print "ready" and do the work, without returning to Python in between."""
    say_ready = map(os.write, [STDOUT], [b"ready\n"])
    deque(chain_iterables(say_ready, work), maxlen=0)


def swallow(_: State) -> State:
    try:
        ready()
        time.sleep(600)
    except BaseException:
        print("swallowed")
    return {"n": -1}


async def swallow_async(_: State) -> State:
    try:
        ready()
        await asyncio.sleep(600)
    except asyncio.CancelledError:
        print("swallowed")
    return {"n": -1}


def swallow_for_ever(_: State) -> NoReturn:
    while True:
        try:
            ready()
            time.sleep(600)
        except BaseException:
            print("swallowed")


def ignore_sigterm(_: State) -> State:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return sleep({})


def block_sigterm(state: State) -> State:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    return sleep(state)


def block_all_signals(state: State) -> State:
    """As a library does that wants no signal in its calls; what is left is Python's own way."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    return spin(state)


def serve(_: State) -> State:
    """As a server that has an event loop of its own, and stops by itself when it can."""

    async def until_sigterm() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, print, "SIGTERM")
        ready()
        await asyncio.sleep(600)

    try:
        asyncio.run(until_sigterm())
    finally:
        print("cleaned up")
    return {}


def serve_before(_: State) -> State:
    """Leaves SIGTERM as asyncio does: at its default."""

    async def no_longer() -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, print, "SIGTERM")
        loop.remove_signal_handler(signal.SIGTERM)

    asyncio.run(no_longer())
    return {}


def step_and_say_so(state: State) -> State:
    """One of many steps, in each of which a library swallows every exception.

    The third ends when the supervisor has said that it stops the graph.
    """
    n = state.get("n", 0) + 1
    print(f"step {n}")
    if n == 3:
        ready()
    with suppress(BaseException):
        time.sleep(0.05 if n < 3 else 1)
    return {"n": n}


def hang_up_the_exit(_: State) -> State:
    """As libraries do whose exit handlers and threads wait for a server that does not answer."""
    atexit.register(go_to_c_for_good, repeat(None))
    threading.Thread(target=time.sleep, args=(600,)).start()
    return sleep({})


def give_a_result_when_stopped(_: State) -> State:
    """What the runner's own code never does: a complete result, but after SIGTERM."""
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the descriptor of this listing
            if "agentrun-result" in str(link.readlink()):
                slot = ResultSlot(int(link.name))

    def give(*_: object) -> NoReturn:
        slot.seal({"result": "Succeeded", "output": "too late"})
        os._exit(0)

    signal.signal(signal.SIGTERM, give)
    ready()
    time.sleep(600)
    return {}


def fail_when_stopped(_: State) -> State:
    try:
        ready()
        time.sleep(600)
    finally:
        raise RuntimeError("could not clean up")


def leave_processes_behind(_: State) -> State:
    subprocess.Popen(["sleep", "601"])
    subprocess.Popen(["sleep", "602"], start_new_session=True)
    ready()
    time.sleep(600)
    return {}


def orphan_a_process(_: State) -> State:
    """Leaves a dead process without a parent to PID 1, and ends when nothing is left of it."""
    orphan = int(subprocess.check_output(["sh", "-c", "true & echo $!"]))
    with suppress(ProcessLookupError):
        while True:
            os.kill(orphan, 0)
            time.sleep(0.01)
    return {"answer": "reaped"}


def linger(_: State) -> State:
    """Succeeds, but its process does not end."""
    atexit.register(_never_end)
    return {"n": 7}


def _never_end() -> NoReturn:
    ready()
    while True:
        time.sleep(600)


sleeps = chain(add_one, sleep, fail)
sleeps_async = chain(add_one, sleep_async, fail)
spins = chain(add_one, spin, fail)
spins_async = chain(add_one, spin_async, fail)
waits_for_a_lock = chain(add_one, wait_for_a_lock, fail)
spins_in_c = chain(add_one, spin_in_c, fail)
swallows = chain(add_one, swallow, double)
swallows_async = chain(add_one, swallow_async, double)
swallows_last = chain(add_one, swallow)
swallows_for_ever = chain(add_one, swallow_for_ever, fail)
ignores_sigterm = chain(add_one, ignore_sigterm, fail)
blocks_sigterm = chain(add_one, block_sigterm, fail)
blocks_all_signals = chain(add_one, block_all_signals, fail)
serves = chain(add_one, serve, fail)
served_before = chain(serve_before, sleep, fail)
hangs_up_the_exit = chain(add_one, hang_up_the_exit, fail)
gives_a_result_when_stopped = chain(add_one, give_a_result_when_stopped)
fails_when_stopped = chain(add_one, fail_when_stopped)
spins_twice = fan_out(spin, spin_too)
sleeps_beside_a_lock = fan_out(sleep, wait_for_a_lock)
leaves_processes_behind = chain(leave_processes_behind)
orphans_a_process = chain(orphan_a_process)
lingers = chain(linger)
