"""The command line `agentrun-store`: its arguments and exit codes. See README.md."""

import logging
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path

from ..errors import InvalidNameError, StoreError
from ..names import check_run, check_thread
from ..text import printable
from . import commands
from .commands import ArgumentError, Command, Problems

NAME = "agentrun-store"
STORE = Path("/agentrun/store")


def main(arguments: Sequence[str]) -> int:
    """Run a command: 0 done, 1 something is damaged or failed, 2 wrong arguments."""
    logging.basicConfig(format=f"{NAME}: %(message)s")
    options = _parser().parse_args(arguments)
    problems: Problems = []
    code = 0
    try:
        code = options.command(options, problems)
    except ArgumentError as error:
        problems.append(error)
        code = 2
    except (StoreError, OSError) as error:
        problems.append(error)
    for problem in problems:
        print(f"{NAME}: {printable(str(problem))}", file=sys.stderr)
    return code or int(bool(problems))


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog=NAME, description="Inspect and clean a checkpoint store.")
    parser.add_argument(
        "--store", type=Path, default=STORE, metavar="DIR", help=f"where it is mounted ({STORE})"
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Command, help: str, *, json: bool = True) -> ArgumentParser:
        subparser = subparsers.add_parser(name, help=help, description=help)
        subparser.set_defaults(command=command)
        if json:
            subparser.add_argument("--json", action="store_true", help="for programs")
        return subparser

    add("threads", commands.threads, "list the threads")

    runs = add("runs", commands.runs, "list the runs of a thread, oldest first")
    _thread(runs)

    checkpoints = add(
        "checkpoints", commands.checkpoints, "list the checkpoints of a thread, newest first"
    )
    _thread(checkpoints)
    checkpoints.add_argument("--run", type=_uid, metavar="UID", help="only those of this run")

    show = add("show", commands.show, "show a checkpoint, as JSON", json=False)
    _thread(show)
    show.add_argument(
        "checkpoint", metavar="CHECKPOINT", nargs="?", help="its id (without: the newest)"
    )

    check = add("check", commands.check, "read every record, and name the damage")
    _thread(check, nargs="?")

    drop = add("drop", commands.drop, "remove all that a run wrote, as its rollback does")
    _thread(drop)
    drop.add_argument("run", metavar="RUN", type=_uid, help="UID of the run")
    _promise(drop)

    prune = add("prune", commands.prune, "remove old checkpoints and workspaces of a thread")
    _thread(prune)
    prune.add_argument(
        "--keep",
        type=_count,
        required=True,
        metavar="N",
        help="how many of the newest to keep, in each namespace",
    )
    _promise(prune)

    prune_stateless = add(
        "prune-stateless",
        commands.prune_stateless,
        "remove the directories of deleted stateless runs that are more than a day old",
    )
    prune_stateless.add_argument(
        "--existing",
        type=Path,
        required=True,
        metavar="FILE",
        help="file with the UIDs of all AgentRuns (-: standard input)",
    )
    prune_stateless.add_argument("--dry-run", action="store_true", help="list, remove nothing")
    return parser


def _thread(parser: ArgumentParser, nargs: str | None = None) -> None:
    parser.add_argument(
        "thread",
        metavar="THREAD",
        type=_thread_name,
        nargs=nargs,
        help="its name in spec.thread, or stateless/UID",
    )


def _promise(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--no-run-is-live",
        action="store_true",
        help="you have made sure that no run of the thread is live or about to start",
    )


def _thread_name(text: str) -> str:
    try:
        return check_thread(text if "/" in text else f"threads/{text}")
    except InvalidNameError:
        raise ArgumentTypeError(
            f"{text!r} is no thread: give its name as in spec.thread, or stateless/<uid of the run>"
        ) from None


def _uid(text: str) -> str:
    try:
        return check_run(text)
    except InvalidNameError:
        raise ArgumentTypeError(
            f"{text!r} is no UID of a run: give metadata.uid of the AgentRun, or what the command "
            f"`runs` lists"
        ) from None


def _count(text: str) -> int:
    if text.isascii() and text.isdecimal() and int(text) > 0:
        return int(text)
    raise ArgumentTypeError(f"{text!r} must be a whole number, at least 1")
