"""Fixtures: the cluster, a namespace for each test, the operator; and the report of a failure."""

import os
import uuid
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cluster import ways_out

from . import seconds
from .alone import held
from .kubectl import kubectl
from .namespace import LABEL, Namespace
from .operators import DEPLOYED, Operator
from .pool import Pool
from .report import report

# For a single test, in seconds, without the wait for its turn: a backstop, waits have deadlines.
LONGEST_TEST = 180
STARTED_AT = pytest.StashKey[str]()
NAMESPACES = pytest.StashKey[list[str]]()
OWN_OPERATOR = Operator(f"e2e-{uuid.uuid4().hex[:8]}")  # of this process, once a test needs it


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in this hook, too
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            if not os.environ.get("KUBECONFIG"):
                raise pytest.UsageError("KUBECONFIG is not set: use `make e2e`")
            item.add_marker(pytest.mark.timeout(LONGEST_TEST, func_only=True))
            if item.get_closest_marker("alone"):
                item.add_marker(pytest.mark.xdist_group("alone"))
            elif "shared_ns" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group(item.path.stem))
    # First, in one process: meanwhile the unit tests run, and no other test waits for these.
    items.sort(key=lambda item: item.get_closest_marker("alone") is None)


@pytest.fixture(scope="session")
def cluster(room: Path, whole: Path) -> Iterator[str]:
    """The cluster with the operator. The value marks the objects that this session makes."""
    assert ways_out() == [], "packets could leave this machine"
    with held(room, alone=False):
        DEPLOYED.start()
    session = str(OWN_OPERATOR.instance)
    yield session
    selector = f"{LABEL}={session}"
    with held(whole, alone=False):
        kubectl("wait", "namespace", "-l", selector, "--for=delete", "--timeout=120s")
        OWN_OPERATOR.remove()


@pytest.fixture(scope="session")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that all processes of the session share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def whole(room: Path) -> Path:
    """The directory of the lock for work outside of tests that needs an intact cluster."""
    directory = room / "whole"
    directory.mkdir(exist_ok=True)
    return directory


@pytest.fixture(autouse=True)
def beside_others(request: pytest.FixtureRequest, room: Path) -> Iterator[None]:
    """A test with the marker ``alone`` waits for all others, and they for it."""
    alone = request.node.get_closest_marker("alone") is not None
    if alone and "PYTEST_XDIST_WORKER" in os.environ:
        assert request.node.nodeid.endswith("@alone"), "pytest-xdist takes no notice of groups"
    with held(room, alone=alone):
        yield


@pytest.fixture(scope="session")
def pool(cluster: str, whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    pool = Pool(cluster, whole, tmp_path_factory.mktemp("stores"))
    yield pool
    pool.close()


def _namespace(pool: Pool, request: pytest.FixtureRequest) -> Iterator[Namespace]:
    namespace = pool.take()
    request.node.stash.setdefault(NAMESPACES, []).append(namespace.name)
    yield namespace
    pool.give_back(namespace)


# A namespace of the test's own; another one; and one that the tests of a module share.
ns = pytest.fixture(_namespace, name="ns")
other_ns = pytest.fixture(_namespace, name="other_ns")
shared_ns = pytest.fixture(_namespace, name="shared_ns", scope="module")


@pytest.fixture(scope="session")
def own_operator(cluster: str) -> Operator:
    """An operator of this process only, for namespaces that a test gives to it.

    It is removed after those: it must end the runs in them.
    """
    OWN_OPERATOR.make()
    return OWN_OPERATOR


@pytest.fixture
def operator(own_operator: Operator, ns: Namespace) -> Operator:
    """An operator of the test's own, for the runs of ``ns``: it may stop, kill or freeze it."""
    ns.instance = own_operator.instance
    own_operator.start()
    return own_operator


@pytest.fixture
def no_other_namespaces(ns: Namespace, whole: Path) -> Iterator[None]:
    """For a test that breaks the cluster: no process makes or removes a namespace meanwhile."""
    with held(whole, alone=True):
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found = [report for group in terminalreporter.stats.values() for report in group]
    terminalreporter.section("where the time went")
    for line in seconds.lines(r for r in found if isinstance(r, pytest.TestReport)):
        terminalreporter.write_line(line)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    item.stash[STARTED_AT] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the state of its namespaces to the report of a failed test."""
    result = yield
    if result.failed:
        for node in item.listchain():
            for name in node.stash.get(NAMESPACES, []):
                text = report(name, str(OWN_OPERATOR.instance), item.stash[STARTED_AT])
                result.sections.append((f"namespace {name}", text))
    return result
