"""Sees and hears what happens to the runs of a namespace, and writes it into their history."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from e2e.kubectl import Object, lines_of
from e2e.namespace import Namespace

from .history import Begin, History, RunHistory, Sighting, store_facts
from .looks import Lookout

See = Callable[[str, Object], None]  # the event's type, and the object
RUN_UID = "agentrun.dev/run-uid"
OF_AGENTS = "--selector=app.kubernetes.io/component=agent"


class BlindError(Exception):
    """The witness has lost sight of something, so there can be no judgement."""


class Witness:
    def __init__(self, ns: Namespace, seconds: float) -> None:
        self.history = History()
        self.heard: set[str] = set()  # pods whose log was followed
        self._ns = ns
        self._seconds = seconds
        self._news = threading.Condition()
        self._stopping = False
        self._blind: list[str] = []
        self._ears: list[threading.Thread] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watches in here; afterwards the history is complete. Raises BlindError."""
        lookout = Lookout(self._seconds)
        try:
            with ExitStack() as stack:
                self._watch(stack, "ar", self._see_run)
                self._watch(stack, "jobs", self._see_job, OF_AGENTS)
                self._watch(stack, "pods", self._see_pod, OF_AGENTS)
                yield
                self._stopping = True
        finally:
            self.history.looks = lookout.close()
        for ear in self._ears:
            ear.join(timeout=30)
        if self._blind:
            raise BlindError(", ".join(self._blind))
        self.history.store = store_facts(self._ns.store(), self.history)

    def wait_until(self, uid: str, is_so: Callable[[RunHistory], bool], deadline: float) -> bool:
        """Wait until it is so of the run; whether that came before the deadline (monotonic)."""
        with self._news:
            left = deadline - time.monotonic()
            return self._news.wait_for(lambda: is_so(self.history.runs[uid]), left)

    def asked(self, uid: str, what: str) -> None:
        """The API server has accepted that request."""
        with self._news:
            self.history.runs[uid].asked.append(what)

    def _watch(self, stack: ExitStack, kind: str, see: See, *options: str) -> None:
        arguments = ("get", kind, "-n", self._ns.name, "--watch", "--output-watch-events", "-ojson")
        lines = stack.enter_context(lines_of(*arguments, *options, seconds=self._seconds))

        def look() -> None:
            with suppress(ValueError):  # it may be ended in the middle of a line
                for line in lines:
                    event = json.loads(line)
                    with self._news:
                        see(event["type"], event["object"])
                        self._news.notify_all()
            if not self._stopping:
                self._blind.append(f"the watch on {kind} has ended")

        threading.Thread(target=look, name=f"watch on {kind}").start()

    def _see_run(self, event: str, obj: Object) -> None:
        now = time.time()
        run = self.history.runs[obj["metadata"]["uid"]]
        run.sightings.append(Sighting(now, obj, gone=event == "DELETED"))

    def _see_job(self, _: str, job: Object) -> None:
        self.history.runs[job["metadata"]["labels"][RUN_UID]].jobs.add(job["metadata"]["uid"])

    def _see_pod(self, _: str, pod: Object) -> None:
        name = pod["metadata"]["name"]
        started = pod["status"]["phase"] not in ("Pending", "Unknown")
        if started and name not in self.heard:
            self.heard.add(name)
            uid = pod["metadata"]["labels"][RUN_UID]
            ear = threading.Thread(target=self._listen, args=(uid, name), name=f"log of {name}")
            self._ears.append(ear)
            ear.start()

    def _listen(self, uid: str, pod: str) -> None:
        options = ("logs", "-f", "-n", self._ns.name, pod, "-c", "agent")
        with lines_of(*options, seconds=self._seconds) as lines:
            for line in lines:
                # The last line may be cut off.
                if line.startswith('{"event": "begin"') and line.endswith("}\n"):
                    said = json.loads(line)
                    with self._news:
                        begin = Begin(said["at"], pod, said["step"])
                        self.history.runs[uid].begins.append(begin)
