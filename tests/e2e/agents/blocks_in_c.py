"""Waits forever in a C call that holds the GIL, and that no signal interrupts."""

import ctypes
import json
from typing import TypedDict

from langgraph.graph import END, START, StateGraph

libc = ctypes.PyDLL(None)  # unlike CDLL it does not release the GIL: no other thread runs either
mutex = ctypes.create_string_buffer(64)  # all zero is an unlocked pthread_mutex_t


class State(TypedDict, total=False):
    text: str


def wait(state: State) -> State:
    print(json.dumps({"event": "begin", "step": 1}), flush=True)
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)  # this thread owns it already: it waits for itself
    return {}


graph = StateGraph(State)
graph.add_node("wait", wait)
graph.add_edge(START, "wait")
graph.add_edge("wait", END)
