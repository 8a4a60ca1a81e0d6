"""What is to happen to each run: dealt out of a deck of stories by a seed."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from . import deeds
from .deeds import Deed

# The phases at which something may be done; ENDED stands for any final one.
CREATED, RUNNING, CANCELLING, ENDED = "Pending", "Running", "Cancelling", "ended"
STEPS = 5


@dataclass(frozen=True)
class Act:
    """A deed that is done when the run has come to a phase, or up to so many seconds later."""

    phase: str
    deed: Deed
    later: float = 2.0


@dataclass(frozen=True)
class Story:
    name: str
    acts: tuple[Act, ...] = ()
    spec: dict[str, Any] = field(default_factory=dict)
    fails_at: int | None = None


STORIES = (
    Story("left alone"),
    Story("times out", spec={"timeoutSeconds": 2}),
    Story("interrupted", (Act(RUNNING, deeds.interrupt),)),
    Story("rolled back", (Act(RUNNING, deeds.rollback),)),
    Story("interrupted when new", (Act(CREATED, deeds.interrupt),)),
    Story("rolled back when new", (Act(CREATED, deeds.rollback),)),
    Story("born interrupted", spec={"cancel": "interrupt"}),
    Story("born rolled back", spec={"cancel": "rollback"}),
    Story(
        "interrupted, then rolled back",
        (Act(RUNNING, deeds.interrupt), Act(CANCELLING, deeds.rollback, 1.0)),
    ),
    Story(
        "interrupted twice", (Act(RUNNING, deeds.interrupt), Act(CANCELLING, deeds.interrupt, 1.0))
    ),
    Story(
        "rolled back twice", (Act(RUNNING, deeds.rollback), Act(CANCELLING, deeds.rollback, 1.0))
    ),
    Story("interrupted too late", (Act(ENDED, deeds.interrupt),)),
    Story(
        "rolled back, kept for Git",
        (
            Act(CREATED, deeds.manage_from_git, 0.0),
            Act(RUNNING, deeds.rollback),
            Act(CANCELLING, deeds.kill_clean_up, 0.0),
        ),
    ),
    Story("deleted", (Act(RUNNING, deeds.delete),)),
    Story("deleted when new", (Act(CREATED, deeds.delete),)),
    Story("deleted and reclaimed", (Act(RUNNING, deeds.delete),), {"reclaimPolicy": "Delete"}),
    Story("pod deleted", (Act(RUNNING, deeds.delete_pod),)),
    Story("Job deleted", (Act(RUNNING, deeds.delete_job),)),
    Story("Job deleted, pod orphaned", (Act(RUNNING, deeds.orphan_pod),)),
    Story("Job deleted after the end", (Act(ENDED, deeds.delete_job),)),
    Story(
        "pod deleted while cancelled",
        (Act(RUNNING, deeds.rollback), Act(CANCELLING, deeds.delete_pod, 1.0)),
    ),
    Story(
        "Job deleted while cancelled",
        (Act(RUNNING, deeds.interrupt), Act(CANCELLING, deeds.delete_job, 1.0)),
    ),
    Story("evicted", (Act(RUNNING, deeds.evict),)),
    Story("evicted and rolled back", (Act(RUNNING, deeds.evict), Act(RUNNING, deeds.rollback))),
    Story("evicted and interrupted", (Act(RUNNING, deeds.evict), Act(RUNNING, deeds.interrupt))),
    Story("agent killed", (Act(RUNNING, deeds.kill_agent),)),
    Story("all killed, tried again", (Act(RUNNING, deeds.kill_pod),), {"retries": 2}),
    Story("fails, tried again", spec={"retries": 1}, fails_at=3),
    Story(
        "fails, tried again, rolled back",
        (Act(RUNNING, deeds.rollback, 4.0),),
        {"retries": 2},
        fails_at=2,
    ),
    Story(
        "clean-up killed",
        (Act(RUNNING, deeds.rollback), Act(CANCELLING, deeds.kill_clean_up, 0.0)),
    ),
    Story("rejected if the thread is busy", spec={"multitaskStrategy": "reject"}),
    Story("takes the thread by interrupt", spec={"multitaskStrategy": "interrupt"}),
    Story("takes the thread by rollback", spec={"multitaskStrategy": "rollback"}),
)


@dataclass(frozen=True)
class Part:
    """One run of a campaign, and its story."""

    name: str
    agent: str
    story: Story
    spec: dict[str, Any]
    delays: tuple[float, ...]  # of each act


def deal(seed: str, runs: int) -> list[Part]:
    """A part for each run. All stories are told before one is told again."""
    random = Random(seed)  # noqa: S311 (no secret)
    stories = itertools.islice(_shuffled(random), runs)
    threads = [f"t{number}" for number in range(max(2, runs // 10))]
    return [_part(number, story, threads, random) for number, story in enumerate(stories)]


def _shuffled(random: Random) -> Iterator[Story]:
    while True:
        yield from random.sample(STORIES, len(STORIES))


def _part(number: int, story: Story, threads: list[str], random: Random) -> Part:
    options: dict[str, Any] = {"steps": STEPS, "seconds": random.choice((0.2, 0.5, 0.8))}
    if story.fails_at is not None:
        options["failAt"] = story.fails_at
    spec: dict[str, Any] = {
        "input": {"done": []},
        "config": {"configurable": options},
        "gracePeriodSeconds": random.choice((2, 3, 4)),
        **story.spec,
    }
    if random.random() < 0.85:
        spec["thread"] = random.choice(threads)
    return Part(
        name=f"r{number:02}",
        agent=random.choice(("obeys", "obeys", "deaf")),
        story=story,
        spec=spec,
        delays=tuple(random.uniform(0.0, act.later) for act in story.acts),
    )
