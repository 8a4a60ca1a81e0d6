"""The subcommands of the container's ENTRYPOINT."""

import site
import sys

from . import runfile, supervisor, termination_report
from .runtimes import command
from .signals import SignalQueue

_USAGE = "usage: agentrun_runner [prepare-workspace | cleanup | shorten]"


def main(arguments: list[str], signals: SignalQueue) -> int:
    """Run the subcommand; without arguments, run the agent. Returns the exit code."""
    match arguments:
        case []:
            return supervisor.main(signals)
        case ["prepare-workspace"]:
            signals.exit_on_sigterm()
            return command.prepare_workspace()
        case ["cleanup"]:
            from agentrun_store import cleanup  # here, so that an agent starts sooner

            signals.exit_on_sigterm()
            # The runner starts without packages (-S), but a DeltaChannel's writes need one.
            site.main()
            return cleanup.main(runfile.STORE, termination_report.TERMINATION_LOG)
        case ["shorten"]:
            from agentrun_store import stops

            signals.exit_on_sigterm()
            return stops.main(runfile.STORE)
    print(_USAGE, file=sys.stderr)
    return 2
