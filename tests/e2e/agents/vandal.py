"""Damages all that it can reach in the store, prints its successful attacks on others, and waits.

`how` names its change of its own log.
"""

import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypedDict

from langgraph.graph import START, StateGraph

FORGED = "cccccccc-0000-4000-8000-000000000003"
thread = Path("/agentrun/store", os.environ["AGENTRUN_THREAD"])
own = thread / "segments" / os.environ["AGENTRUN_SEGMENT"]


class State(TypedDict, total=False):
    how: str


def attacks_on_others() -> dict[str, Callable[[], object]]:
    """Attacks that would change the thread, or its set of valid segments."""
    found: dict[str, Callable[[], object]] = {
        "write a tombstone": lambda: (thread / "tombstones" / FORGED).write_text("{}"),
        "make a directory of tombstones": lambda: (thread / "tombstones").mkdir(),
        "forge a segment": lambda: (thread / "segments" / f"999999999999-{FORGED}").mkdir(),
        "write to the thread": lambda: (thread / "file").write_text(""),
        "lead the segments elsewhere": lambda: (thread / "segments").rename(thread / "old"),
        "lock the segments": lambda: (thread / "segments").chmod(0),
        "lock the thread": lambda: thread.chmod(0),
        "rename its own segment": lambda: own.rename(own.with_name(f"000001-{FORGED}")),
        "leave the thread": lambda: (thread.parent / "forged").mkdir(),
    }
    for segment in (thread / "segments").iterdir():
        if segment != own:
            log = segment / "checkpoints.log"
            found |= {
                f"remove {segment.name}": log.unlink,
                f"lock {segment.name}": partial(log.chmod, 0),
                f"write to {segment.name}": partial(log.write_bytes, b""),
                f"link {segment.name}": partial((own / "link").hardlink_to, log),
                f"hide {segment.name}": partial(segment.rename, segment.with_name("hidden")),
            }
    return found


def make_a_mess_of_its_own(how: str) -> None:
    os.mkfifo(own / "pipe")
    (own / "link").symlink_to(thread)
    (own / "locked" / "in" / "it").mkdir(parents=True)
    fd = os.open(own, os.O_RDONLY)
    for _ in range(3_000):
        os.mkdir("deep", dir_fd=fd)
        fd, above = os.open("deep", os.O_RDONLY, dir_fd=fd), fd
        os.close(above)
    log = own / "checkpoints.log"
    if how == "locked":
        log.chmod(0)
    elif how == "pipe":
        log.unlink()
        os.mkfifo(log)
    elif how == "sparse":
        os.truncate(log, 1 << 40)
    for path in ("locked/in/it", "locked/in", "locked"):
        (own / path).chmod(0)


def vandalise(state: State) -> State:
    managed = []
    for name, attack in attacks_on_others().items():
        try:
            attack()
        except OSError:
            continue
        managed.append(name)
    make_a_mess_of_its_own(state["how"])
    print(json.dumps({"event": "vandalised", "managed": managed}), flush=True)
    while True:
        time.sleep(1)


graph = StateGraph(State)
graph.add_node("vandalise", vandalise)
graph.add_edge(START, "vandalise")
