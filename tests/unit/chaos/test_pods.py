"""The parts of ``make chaos``, layer 3, that need no cluster."""

from chaos.pods.looks import Life, read_looks
from chaos.pods.stories import STORIES, deal

PRINTED = """\
@ 10.5
/proc/31/environ:AGENTRUN_UID=u1
/proc/31/environ:HOSTNAME=a-1
/proc/40/environ:HOSTNAME=a-2
/proc/40/environ:AGENTRUN_UID=u2
@ 10.7
/proc/31/environ:HOSTNAME=a-1
/proc/31/environ:AGENTRUN_UID=u1
/proc/32/environ:AGENTRUN_UID=u1
/proc/32/environ:HOSTNAME=a-1
/proc/40/environ:AGENTRUN_UID=u2
@ 11.5
"""


def test_a_look_shows_which_pods_are_alive() -> None:
    looks = read_looks(PRINTED)
    assert looks.times == [10.5, 10.7, 11.5]
    assert looks.longest_gap == 11.5 - 10.7
    lives = {"a-1": Life("u1", "a-1", 0, 1), "a-2": Life("u2", "a-2", 0, 0)}
    assert {life.pod: life for life in looks.lives.values()} == lives
    assert looks.last_seen(lives["a-1"]) == 10.7


def test_a_pod_that_begins_in_the_look_in_which_another_ends_is_no_second_one() -> None:
    looks = read_looks("")
    assert not looks.together(Life("u", "a", 0, 4), Life("u", "b", 4, 9))
    assert looks.together(Life("u", "a", 0, 5), Life("u", "b", 4, 9))


def test_the_same_seed_deals_the_same_parts() -> None:
    assert deal("s", 20) == deal("s", 20)
    assert deal("s", 20) != deal("t", 20)


def test_the_long_form_deals_all_stories() -> None:
    assert {part.story.name for part in deal("1", 50)} == {story.name for story in STORIES}
