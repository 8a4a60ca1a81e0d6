"""What the operator's processes do, and what befalls them."""

from agentrun_kube.client.kube import ApiError
from agentrun_operator.state.watched import WATCHED
from simulated.kube import Fate, Request
from simulated.operator import OperatorProcess
from simulated.world import World

from .steps import Choices, action

PLURALS = tuple(WATCHED)
MOST_OPERATORS = 2


def _busy(world: World) -> list[OperatorProcess]:
    return [operator for operator in world.operators if operator.kube.pending]


def _take(world: World, choices: Choices) -> Request | None:
    """One request under way; a write if there is one."""
    pending = [(o, r) for o in world.operators for r in o.kube.pending]
    writes = [(o, r) for o, r in pending if r.writes]
    if not pending:
        return None
    operator, request = choices.one(writes or pending)
    operator.kube.pending.remove(request)
    return request


@action(10)
def operator_goes_on(world: World, choices: Choices) -> None:
    if world.operators:
        choices.one(world.operators).turn()


@action(8)
def operators_go_on(world: World, choices: Choices) -> None:
    """All that the operators can see and do, while the cluster stands still."""
    world.operators_go_on()


@action(12)
def request_is_served(world: World, choices: Choices) -> None:
    if _busy(world):
        operator = choices.one(_busy(world))
        for _ in range(1 + choices.number(4)):
            if operator.kube.pending:
                operator.take(choices.number(3)).serve()
                world.loop.spin()


@action(3)
def request_is_refused(world: World, choices: Choices) -> None:
    request = _take(world, choices)
    if request is None:
        return
    status = choices.one((500, 409, 429, 422) if request.writes else (500, 429))
    world.faults[f"answer {status}"] += 1
    request.fail(ApiError(status, "chaos", {}))
    world.loop.spin()


@action(3)
def request_times_out(world: World, choices: Choices) -> None:
    request = _take(world, choices)
    if request is None:
        return
    fate = choices.one(tuple(Fate))
    world.faults[f"no answer, request {fate.value}"] += 1
    if fate is Fate.DONE and request.writes:
        perform, request.perform = request.perform, lambda: None
        _perform(perform)
    elif fate is Fate.LATE and request.writes:
        world.late.append(request)
    request.fail(TimeoutError())
    world.loop.spin()


def _perform(perform: object) -> None:
    assert callable(perform)
    try:
        perform()
    except ApiError:
        return


@action(3)
def late_request_arrives(world: World, choices: Choices) -> None:
    if world.late:
        world.faults["late request arrives"] += 1
        world.arrive_late(choices.number(8))


@action(2)
def operator_crashes(world: World, choices: Choices) -> None:
    if world.operators:
        index = choices.number(len(world.operators))
        kinds = choices.one(((Fate.LOST,), (Fate.DONE,), (Fate.LATE,), tuple(Fate)))
        requests = len(world.operators[index].kube.pending)
        world.faults["SIGKILL with a request under way" if requests else "SIGKILL"] += 1
        world.crash(index, kinds, choices.rest())


@action(4)
def operator_starts(world: World, choices: Choices) -> None:
    if len(world.operators) < MOST_OPERATORS:
        if world.operators:
            world.faults["second operator"] += 1
        skew = choices.one((0.0, 0.0, 45.0, -45.0))
        if skew:
            world.faults["clock skew"] += 1
        world.start_operator(skew)


@action(8)
def watch_delivers(world: World, choices: Choices) -> None:
    if not world.operators:
        return
    operator = choices.one(world.operators)
    plurals = [plural for plural in PLURALS if operator.waiting_events(plural)]
    if plurals:
        operator.deliver(choices.one(plurals), 1 + choices.number(4))


@action(4)
def watch_coalesces(world: World, choices: Choices) -> None:
    if world.operators:
        choices.one(world.operators).coalesce(choices.one(PLURALS))


@action(2)
def watch_is_lost(world: World, choices: Choices) -> None:
    if world.operators:
        world.faults["watch lost, deletions never told"] += 1
        choices.one(world.operators).lose(choices.one(PLURALS))


@action(4)
def watches_deliver_all(world: World, choices: Choices) -> None:
    if world.operators:
        choices.one(world.operators).deliver_all()
