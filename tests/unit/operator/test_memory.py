"""Memory is bounded whatever tenants write: an operator's intake, in a process of its own.

Its API server is another process, so that only what the operator keeps and reads counts.
"""

import subprocess
import sys
from pathlib import Path

import pytest

import agentrun_operator

# KiB of resident memory at the peak; the operator's container may have 512 MiB.
MOST = 200 * 1024

SERVER = """
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

count, (before, piece, pieces, after) = int(sys.argv[1]), sys.argv[2:]
text = (before + piece * int(pieces) + after).encode()

def run(number):
    meta = {"name": f"r{number}", "namespace": "ns", "uid": f"u{number}", "generation": 1}
    meta |= {"resourceVersion": str(number + 1), "creationTimestamp": "2026-01-01T00:00:00Z"}
    spec = {"agentRef": {"name": "a"}, "thread": "t", "input": "HERE"}
    return json.dumps({"metadata": meta, "spec": spec}).encode().replace(b'"HERE"', text)

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_):
        pass
    def do_GET(self):
        url = urlparse(self.path)
        query = parse_qs(url.query)
        first, limit = int(query.get("continue", ["0"])[0]), int(query["limit"][0])
        runs = count if url.path.endswith("/agentruns") else 0
        items = [run(n) for n in range(first, min(first + limit, runs))]
        rest = f',"continue":"{first + limit}"' if first + limit < runs else ""
        body = b'{"items":[' + b",".join(items) + b'],"metadata":{"resourceVersion":"9999"'
        body += rest.encode() + b"}}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:  # the page was too large, and is given up
            self.close_connection = True

server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""

OPERATOR = """
import asyncio, sys
from pathlib import Path
from kubernetes.aio import client
from agentrun_kube.client.connection import Connection
from agentrun_operator.state.intake import Intake
from agentrun_kube.client.kube import Kube, read_deep_json

read_deep_json()

async def main():
    configuration = client.Configuration()
    configuration.host = f"http://127.0.0.1:{sys.argv[1]}"
    kube = Kube(Connection(client.ApiClient(configuration)))
    intake = Intake(kube, share=8)
    intake.works = True
    await intake.sync()
    assert len(intake.cache.all("agentruns")) == int(sys.argv[2])
    assert all(found.run.spec.has_input for found in intake.cache.all("agentruns"))
    # Not ru_maxrss, which a process inherits from the one that has started it.
    status = Path("/proc/self/status").read_text()
    (peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    print(peak)
    await kube.close()

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("runs", "large"),
    [
        pytest.param(24, ("[", "[],", 430_000, "0]"), id="lists in lists"),
        pytest.param(200, ('"', "x", 1_300_000, '"'), id="plain text"),
        pytest.param(24, ('"', "\U0001f600", 325_000, '"'), id="the widest characters"),
    ],
)
def test_a_crowd_of_large_runs_takes_bounded_memory(
    runs: int, large: tuple[str, str, int, str]
) -> None:
    serve = [sys.executable, "-c", SERVER, str(runs), *map(str, large)]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            done = subprocess.run(
                [sys.executable, "-c", OPERATOR, port, str(runs)],
                env={"PYTHONPATH": str(Path(agentrun_operator.__file__).parents[1])},
                check=True,
                capture_output=True,
                text=True,
                timeout=60,
            )
        finally:
            server.kill()
    assert int(done.stdout) < MOST
