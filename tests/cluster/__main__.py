"""python -m cluster up|down|deploy|audit-log|check|remember|compare"""

import sys

from cluster.audit import print_audit_log
from cluster.deploy import deploy
from cluster.lifecycle import down, up
from cluster.shell import CommandError, fail
from cluster.traces import check, compare, remember

COMMANDS = {
    "up": up,
    "down": down,
    "deploy": deploy,
    "audit-log": print_audit_log,
    "check": check,
    "remember": remember,
    "compare": compare,
}


def main() -> int:
    """Run one command, and print errors for people."""
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        fail(f"say one of: {', '.join(COMMANDS)}")
        return 2
    try:
        COMMANDS[sys.argv[1]]()
    except (CommandError, LookupError) as error:
        fail(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
