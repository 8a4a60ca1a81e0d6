"""The supervisor's settings in the kernel, made before it forks the agent."""

import ctypes

from . import events

# linux/prctl.h
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36


def protect_supervisor() -> None:
    """Keep the agent, which runs as the same user, out of this process's memory, and become the
    parent of its orphans.

    Processes without CAP_SYS_PTRACE can no longer trace this one or open its /proc/<pid>/mem; the
    programs that a child executes are not affected. The kernel gives orphans to this process also
    when it is not PID 1, as in a pod whose containers share their processes.
    """
    prctl = ctypes.CDLL(None).prctl
    if prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 or prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        events.warn("the kernel refused to protect the supervisor: the agent may tamper with it")
