"""Runs with a user each, who does to them what the stories say; and the judgement."""

import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from e2e.kubectl import Object
from e2e.namespace import Namespace, agent, config_map
from judge.invariants import NEVER_JUDGED

from ..verdicts import never_judged
from .deeds import MissedError, do
from .history import RunHistory
from .leaders import leaders_killed
from .recorder import BLIND, judged
from .report import Report
from .stories import Act, Part, deal
from .witness import Witness

AGENT = Path(__file__).parent / "agents" / "marks.py"
USERS = 8  # and so runs at a time
# How long a run may take, with those before it on its thread; and if operators are killed.
PATIENCE = 120.0
LONG_PATIENCE = 400.0


def agents() -> list[Object]:
    """The Agents of the runs, and their code."""
    spec: Object = {
        "runtime": {"langgraph": {"graph": "marks:graph"}},
        "code": {"configMap": {"name": "chaos"}},
    }
    deaf = spec | {"env": [{"name": "DEAF", "value": "1"}]}
    code = config_map("chaos", {AGENT.name: AGENT.read_text()})
    return [code, agent("obeys", **spec), agent("deaf", **deaf)]


def campaign(ns: Namespace, seed: str, runs: int, *, kill_leaders: bool) -> Report:
    """Tell the stories of that many runs in the namespace, and judge what was seen."""
    began = time.monotonic()
    patience = LONG_PATIENCE if kill_leaders else PATIENCE
    ns.create(*agents())
    witness = Witness(ns, seconds=patience * (1 + runs / USERS))
    report = Report(seed, witness.history)
    with witness.watching(), ExitStack() as stack:
        # The watches have begun when they have seen a run. Later ones may be gone in a moment.
        first = ns.run("obeys", "first", cancel="interrupt")
        witness.wait_until(first.uid, has_ended, began + patience)
        if kill_leaders:
            stack.enter_context(leaders_killed(seed, report.done))
        with ThreadPoolExecutor(USERS) as users:
            told = [users.submit(tell, ns, part, witness, patience) for part in deal(seed, runs)]
        for story in told:
            done, missed = story.result()
            report.done.update(done)
            report.missed.update(missed)
    judge = judged(witness.history)
    report.judged = judge.verdicts.judged
    report.inherent = judge.verdicts.inherent
    report.violations = judge.violations
    report.violations += [(NEVER_JUDGED, name) for name in never_judged(report.judged, BLIND)]
    report.seconds = time.monotonic() - began
    return report


def long_campaign(seed: str, runs: int) -> Report:
    """A campaign in a namespace of its own, in which the operator's leaders are killed, too."""
    session = uuid.uuid4().hex[:8]
    with tempfile.TemporaryDirectory() as scratch:
        ns = Namespace(f"chaos-{session}", Path(scratch))
        try:
            ns.set_up(session)
            return campaign(ns, seed, runs, kill_leaders=True)
        finally:
            ns.remove()


def tell(
    ns: Namespace, part: Part, witness: Witness, patience: float
) -> tuple[list[str], list[str]]:
    """Live through a run's story, until it has ended; what was done, and what was missed."""
    done: list[str] = [] if part.story.acts else [part.story.name]
    missed: list[str] = []
    run = ns.run(part.agent, part.name, **part.spec)
    deadline = time.monotonic() + patience
    for act, delay in zip(part.story.acts, part.delays, strict=True):
        if not witness.wait_until(run.uid, partial(has_come, act), deadline):
            break
        time.sleep(delay)
        deed = act.deed.__name__
        try:
            do(act.deed, run)
        except MissedError:
            missed.append(deed)
        else:
            witness.asked(run.uid, deed)
            done.append(deed)
    witness.wait_until(run.uid, has_ended, deadline)
    return done, missed


def has_come(act: Act, run: RunHistory) -> bool:
    """Whether the run has come to the act's phase, or to its end."""
    return has_ended(run) or act.phase in [state.phase for state in run.states]


def has_ended(run: RunHistory) -> bool:
    return run.end is not None
