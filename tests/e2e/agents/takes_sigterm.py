"""Has libraries that handle SIGTERM themselves, and that delay the end of the process.

It takes many steps. LangSmith traces them, and waits at the end for a server that takes
connections and never answers.
"""

import atexit
import json
import os
import signal
import socket
import threading
import time
from typing import TypedDict

server = socket.create_server(("127.0.0.1", 0))
os.environ["LANGSMITH_TRACING"] = "true"
os.environ["LANGSMITH_API_KEY"] = "none"
os.environ["LANGSMITH_ENDPOINT"] = f"http://127.0.0.1:{server.getsockname()[1]}"

from langgraph.graph import START, StateGraph  # noqa: E402

signal.signal(signal.SIGTERM, lambda *_: None)
atexit.register(time.sleep, 3600)
threading.Thread(target=time.sleep, args=(3600,)).start()


class State(TypedDict, total=False):
    steps: int


def step(state: State) -> State:
    number = state.get("steps", 0) + 1
    print(json.dumps({"event": "begin", "step": number}), flush=True)
    time.sleep(0.2)
    return {"steps": number}


def more(state: State) -> str:
    return "step" if state["steps"] < 1000 else "__end__"


graph = StateGraph(State)
graph.add_node("step", step)
graph.add_edge(START, "step")
graph.add_conditional_edges("step", more)
