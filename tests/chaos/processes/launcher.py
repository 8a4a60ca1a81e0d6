"""``python -m chaos.processes.launcher``: the operator, its clock shifted, its waits shortened.

The operator's code is as it is. Only times are changed that would make a schedule long: what takes
minutes when nothing comes from the API server takes seconds.
"""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from agentrun_kube.client import kube
from agentrun_operator import __main__, clock, controller, lease
from agentrun_operator.state import watches

from .times import INACTIVITY, LEASE, PATIENCE, RENEWAL, RETRY

SKEW = "CHAOS_CLOCK_SKEW_SECONDS"
SHORTER: tuple[tuple[Any, str, object], ...] = (
    (controller, "FIRST_RESYNC_SECONDS", 5.0),
    (controller, "RESYNC_SECONDS", 30.0),
    (lease, "DURATION_SECONDS", LEASE),
    (lease, "RENEW_DEADLINE_SECONDS", RENEWAL),
    (lease, "RETRY_SECONDS", RETRY),
    *(
        (kube, kind, aiohttp.ClientTimeout(total=PATIENCE, connect=2))
        for kind in ("READ_TIMEOUT", "LIST_TIMEOUT", "WRITE_TIMEOUT")
    ),
    (
        kube,
        "WATCH_TIMEOUT",
        aiohttp.ClientTimeout(total=None, connect=2, sock_read=INACTIVITY),
    ),
    (watches, "LONGEST_BACKOFF", 2.0),
    (__main__, "START_RETRY_SECONDS", 0.5),
)


def _shifted(now: Callable[[], datetime], skew: timedelta) -> Callable[[], datetime]:
    return lambda: now() + skew


def main() -> None:
    skew = timedelta(seconds=float(os.environ[SKEW]))
    for module, name, value in (*SHORTER, (clock, "now", _shifted(clock.now, skew))):
        setattr(module, name, value)
    __main__.main()


if __name__ == "__main__":
    main()
