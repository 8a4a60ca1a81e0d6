"""`agentrun-store`, or `python -m agentrun_store`: a store's command line."""

import os
import signal
import sys

if not __package__:  # started as a directory, as in the image
    sys.path[0] = os.path.dirname(sys.path[0])  # noqa: PTH120

from agentrun_store.tool.cli import main

if __name__ == "__main__":
    os.umask(0o002)  # runner pods may run as another user of the same group
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no error
    # The kernel ignores a SIGTERM to PID 1 without a handler. All commands can be cut anywhere.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))
    sys.exit(main(sys.argv[1:]))
