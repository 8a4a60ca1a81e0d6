"""``python -P launcher.py``: the operator as it is, and a note of each of its requests.

A line for each request goes to the file of $BENCH_REQUESTS: the verb and the resource. Nothing of
the bench is imported, so that the process is no larger than the operator's.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agentrun_kube.client.connection import Connection
from agentrun_operator import __main__

REQUESTS = "BENCH_REQUESTS"
VERBS = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}
# In paths, what comes before the resource: /api/v1, or /apis/<group>/<version>.
PREFIX = {"api": 2, "apis": 3}


def noted(method: str, path: str, query: dict[str, str] | None) -> str:
    """The request as it is noted: verb resource[/subresource], in the words of RBAC."""
    parts = path.strip("/").split("/")
    parts = parts[PREFIX[parts[0]] :]
    if parts[0] == "namespaces" and len(parts) > 2:
        parts = parts[2:]
    verb = VERBS.get(method) or ("get" if len(parts) > 1 else "list")
    if (query or {}).get("watch"):
        verb = "watch"
    return f"{verb} {'/'.join([parts[0], *parts[2:]])}"


def main() -> None:
    file = os.open(os.environ[REQUESTS], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    send = Connection.response

    @asynccontextmanager
    async def response(
        self: Connection,
        method: str,
        url_path: str,
        patience: Any,
        query: dict[str, str] | None = None,
        **more: Any,
    ) -> AsyncIterator[Any]:
        os.write(file, f"{noted(method, url_path, query)}\n".encode())
        async with send(self, method, url_path, patience, query, **more) as answer:
            yield answer

    Connection.response = response  # type: ignore[method-assign, assignment]
    __main__.main()


def read(path: Path, offset: int) -> tuple[list[str], int]:
    """What was noted after the offset, and the offset of what comes next."""
    with path.open() as file:
        file.seek(offset)
        text = file.read()
    return text.splitlines(), offset + len(text)


if __name__ == "__main__":
    main()
