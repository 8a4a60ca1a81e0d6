"""The runner reads what the operator writes, and the other way round: they share no code."""

import json
from pathlib import Path
from typing import Any

import pytest

from agentrun_kube.termination_report import read_report
from agentrun_kube.v1alpha1.agent import Agent
from agentrun_kube.v1alpha1.agent_run import AgentRun
from agentrun_operator.facts.cleanups import Work, cleanup_job_facts
from agentrun_operator.installation import Installation
from agentrun_operator.resources.cleanup_job import cleanup_job
from agentrun_operator.resources.run_job import FATAL_EXIT_CODES, run_job
from agentrun_operator.resources.shorten_job import shorten_job
from agentrun_runner import result, runfile, stop_file, termination_report
from agentrun_store import cleanup, stops
from agentrun_store.cleanup_report import Report
from agentrun_store.names import check_run, parse_segment_name
from unit.operator import states

Object = dict[str, Any]

RUN: Object = {
    "input": {"question": "ä\u2028", "n": None},
    "checkpoint": {"id": "c"},
    "config": {"recursionLimit": 7, "configurable": {"model": "m"}},
}


def agent(runtime: Object, **spec: Any) -> Agent:
    found = states.agent().model_dump(by_alias=True)
    return Agent.model_validate(found | {"spec": {"runtime": runtime, **spec}})


def pod_of(run: AgentRun, of: Agent) -> Object:
    template: Object = run_job(run, of, Installation("runner:1"))["spec"]["template"]
    return template


def environment(pod: Object, container: int = 0) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in pod["spec"]["containers"][container]["env"]}


def loaded(pod: Object, monkeypatch: pytest.MonkeyPatch, directory: Path) -> runfile.Run:
    """The run as the runner in that pod reads it."""
    for name, value in environment(pod).items():
        monkeypatch.setenv(name, value)
    file = directory / "run.json"
    file.write_text(pod["metadata"]["annotations"]["agentrun.dev/run-file"])
    monkeypatch.setattr(runfile, "RUN_FILE", file)
    return runfile.load()


def test_a_shorten_job_writes_the_file_that_the_supervisor_reads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run, of = states.run(has_finalizer=True), agent({"langgraph": {"graph": "m:g"}})
    template = pod_of(run, of)
    job = shorten_job(run, 7, "claim", template["spec"], "runner:1")["spec"]["template"]
    for name, value in environment(job).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(runfile, "STORE", tmp_path)
    read = loaded(template, monkeypatch, tmp_path)
    path = stop_file.path_of(read)
    path.parent.parent.mkdir(parents=True)
    assert stops.main(tmp_path) == 0
    assert stop_file.read(path) == 7


def test_a_run_reaches_the_runner_as_the_user_wrote_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    of = agent({"langgraph": {"graph": "m:g", "allowedModules": ["mine"]}})
    run = states.run(has_finalizer=True, spec_more=RUN)
    read = loaded(pod_of(run, of), monkeypatch, tmp_path)
    assert (read.name, read.namespace, read.uid) == ("r", "ns", states.UID)
    assert (read.thread, read.input, read.resumes) == ("threads/t", RUN["input"], False)
    assert (read.checkpoint, read.recursion_limit, read.configurable) == ("c", 7, {"model": "m"})
    assert isinstance(read.runtime, runfile.Langgraph)
    assert (read.runtime.graph, list(read.runtime.allowed_modules)) == ("m:g", ["mine"])
    assert runfile.grace_period() == 30


def test_a_null_resume_value_is_no_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = states.run(has_finalizer=True)
    spec = run.spec.model_dump(by_alias=True, exclude_unset=True)
    del spec["input"]
    asked = AgentRun.model_validate(
        run.model_dump(by_alias=True) | {"spec": spec | {"resume": None}}
    )
    read = loaded(pod_of(asked, states.agent()), monkeypatch, tmp_path)
    assert (read.resumes, read.resume, read.input) == (True, None, None)


def test_a_command_and_its_arguments_reach_the_runner_unchanged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    of = agent({"command": {"command": ["sh", "-c"], "args": ["echo $HOME"]}})
    read = loaded(pod_of(states.run(has_finalizer=True), of), monkeypatch, tmp_path)
    assert read.runtime == runfile.Command(["sh", "-c", "echo $HOME"])


def test_the_pod_may_write_to_its_own_segment_of_its_thread() -> None:
    pod = pod_of(states.run(has_finalizer=True), states.agent())
    values, mounts = environment(pod), pod["spec"]["containers"][0]["volumeMounts"]
    parsed = parse_segment_name(values["AGENTRUN_SEGMENT"])
    assert parsed is not None
    assert parsed[1] == check_run(states.UID)
    store = {mount["mountPath"]: mount for mount in mounts if mount["name"] == "store"}
    thread = f"/agentrun/store/{values['AGENTRUN_THREAD']}"
    assert store[thread]["readOnly"]
    assert not store[f"{thread}/segments/{values['AGENTRUN_SEGMENT']}"].get("readOnly", False)


REPORTS: list[result.Result] = [
    {"result": "Succeeded", "output": {"n": [1, None, "ä"]}, "checkpoint": {"id": "c", "count": 2}},
    {"result": "Succeeded", "interrupts": [{"id": "i", "value": {"ask": "?"}}]},
    {"result": "Failed", "reason": "InvalidInput", "message": "spec.input: no"},
    {"result": "Stopped", "message": "SIGTERM arrived", "forced": True},
    {"result": "Succeeded", "output": "x" * 9000, "checkpoint": {"id": "c", "count": 2}},
]


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("containers", [1, 16])
def test_a_report_arrives_whatever_the_kubelet_cuts(
    report: result.Result,
    containers: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(termination_report, "TERMINATION_LOG", tmp_path / "log")
    code = termination_report.write_report(report)
    message = (tmp_path / "log").read_bytes()[: min(4096, 12288 // containers)].decode()
    account, unread = read_report(message, None)
    if unread:
        account, unread = read_report(message, capfd.readouterr().out)
    assert account is not None
    assert not unread
    assert (account.result, account.reason) == (report["result"], report.get("reason"))
    assert account.forced == report.get("forced")
    assert list(account.interrupts) == report.get("interrupts", [])
    if account.output_truncated:
        assert len(report["output"]) > 4096
    else:
        assert account.output == report.get("output")
    if "checkpoint" in report:
        assert account.checkpoint is not None
        assert account.checkpoint.model_dump() == report["checkpoint"]
    retries = report["result"] == "Failed" and code not in FATAL_EXIT_CODES
    assert retries == (report.get("reason") == "AgentFailed")


def test_only_a_failure_that_no_retry_can_fix_fails_the_job_at_once() -> None:
    """A stop does not: the Job may have been suspended, and resumes it."""
    codes = {*termination_report.EXIT_CODES.values(), termination_report.NON_RETRYABLE_EXIT_CODE}
    assert codes - {*FATAL_EXIT_CODES} == {0, 1, termination_report.EXIT_CODES["Stopped"]}


def test_a_clean_up_cleans_what_the_operator_names_and_its_report_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = "22222222-2222-4222-8222-222222222222"
    runs = (states.run(has_finalizer=True), states.run("s", uid=other, thread=None))
    job = cleanup_job("agentrun-store", runs, 1, None, "runner:1", {}, "salt")
    (entry,) = job["spec"]["template"]["spec"]["containers"][0]["env"]
    monkeypatch.setenv(entry["name"], entry["value"])
    report = Report(tmp_path / "log", 4096)
    works = list(cleanup._works(tmp_path, report))
    assert [(work.thread.name, work.run) for work in works] == [
        ("threads/t", states.UID),
        (f"stateless/{other}", other),
    ]
    report.done(works[0].run, 3)
    report.failed(works[1].run, "no")
    report.write()
    end: Object = {
        "exitCode": 1,
        "finishedAt": "2026-01-02T03:04:05Z",
        "message": (tmp_path / "log").read_text(),
    }
    pod = {
        "metadata": {"name": "p", "uid": "p", "creationTimestamp": "2026-01-02T03:04:00Z"},
        "spec": {},
        "status": {
            "phase": "Failed",
            "containerStatuses": [{"name": "cleanup", "state": {"terminated": end}}],
        },
    }
    meta = job["metadata"] | {"uid": "j", "creationTimestamp": "2026-01-02T03:04:00Z"}
    work = Work(frozenset({states.UID, other}), 1)
    facts = cleanup_job_facts(job | {"metadata": meta}, [pod], work, {})
    assert (facts.deleted, facts.errors) == ({states.UID: 3}, {other: "no"})
    assert json.loads(report.whole()) == json.loads(end["message"])
