"""PID 1 of an agent's pod: `python3 -I -S /opt/agentrun/agentrun_runner [subcommand]`.

The image starts it as a directory and isolated, so that no variable of an Agent's spec.env
(PYTHONPATH above all) can hide or replace the supervisor; `python -m agentrun_runner` works too.
"""

import os
import sys

if not __package__:
    sys.path[0] = os.path.dirname(sys.path[0])  # noqa: PTH120 - pathlib costs 5 ms, signals wait

from agentrun_runner.signals import SignalQueue

signals = SignalQueue()  # before anything slow: PID 1 loses a SIGTERM that comes earlier
os.umask(0o002)  # the group, which is the pod's fsGroup, may delete what a run wrote

from agentrun_runner.cli import main  # noqa: E402

sys.exit(main(sys.argv[1:], signals))
