"""The story: a run succeeds, one is interrupted, one goes on from there, one is rolled back."""

import json
from typing import Any

from cluster.shell import run
from demo.setting import NAMESPACE, runner_image
from demo.terminal import chapter, check, do, tell

QUESTION = "What stops an agent?"
SECOND_QUESTION = "And what starts it again?"
RUN = """kubectl apply --filename - <<'END'
apiVersion: agentrun.dev/v1alpha1
kind: AgentRun
metadata:
  name: {name}
spec:
  agentRef: {{name: researcher}}
  thread: demo
{input}END"""


def story() -> None:
    """Tell it all. Raises StoryError where something is not as told."""
    a_run_succeeds()
    a_run_is_interrupted()
    a_run_goes_on()
    a_run_is_rolled_back()


def a_run_succeeds() -> None:
    """A store, an agent, and its first run."""
    chapter("1. A checkpoint store, an agent, and a run")
    do(f"kubectl create namespace {NAMESPACE}")
    do("kubectl apply --filename manifests/samples/store.yaml")
    do("kubectl apply --filename manifests/samples/agent.yaml")
    do("kubectl apply --filename manifests/samples/run.yaml")
    do("kubectl wait --for=condition=Started agentrun/hello --timeout=300s")
    tell("\nThe log is the stream of the agent's steps:")
    do("kubectl logs --follow job/hello")
    do("kubectl wait --for=condition=Finished agentrun/hello --timeout=60s")
    do("kubectl get agentruns")
    check(phase("hello") == "Succeeded", "the run has succeeded")
    check(notes("hello") == [*plan(QUESTION), *sources(1, 3)], "its output has three sources")


def a_run_is_interrupted() -> None:
    """A run on the same thread, stopped half-way."""
    chapter("2. A longer run on the same thread, interrupted half-way")
    do_run("long", question=SECOND_QUESTION, until=20)
    follow("long", source=6)
    tell("\nThat is enough. One patch stops it:")
    do_patch("long", '{"spec": {"cancel": "interrupt", "cancelReason": "that is enough"}}')
    do("kubectl wait --for=jsonpath='{.status.phase}'=Interrupted agentrun/long --timeout=60s")
    do("kubectl get agentruns")
    do("""kubectl get agentrun/long --output=jsonpath='{.status.cancel}{"\\n"}'""")
    do("""kubectl get agentrun/long --output=jsonpath='{.status.checkpoint}{"\\n"}'""")
    tell("\nThe pod has stopped, but it is still there, and so is its log:")
    do("kubectl get pods --selector=agentrun.dev/run=long")
    log = do("kubectl logs job/long")
    check(pod_phase("long") == "Failed", "no container of its pod is left")
    check('"result":"Stopped"' in log, "the log tells how it ended")
    kept = status("long")["checkpoint"]["count"]
    steps = log.count('"event":"updates"')
    check(kept >= steps >= 4, f"its checkpoints are kept: {kept} of them, for {steps} steps")


def a_run_goes_on() -> None:
    """A run without input continues where the thread stopped."""
    chapter("3. Another run goes on from the checkpoint: it has no input")
    do_run("onward")
    do("kubectl logs --follow job/onward")
    do("kubectl wait --for=condition=Finished agentrun/onward --timeout=60s")
    check(phase("onward") == "Succeeded", "the run has succeeded")
    read = notes_in_log("onward")
    first = 21 - len(read)
    check(first > 6 and read == sources(first, 20), f"it began with source {first}, not anew")
    whole = [*plan(QUESTION), *sources(1, 3), *plan(SECOND_QUESTION), *sources(4, 20)]
    check(notes("onward") == whole, "nothing is lost, and nothing is there twice")


def a_run_is_rolled_back() -> None:
    """A run on the same thread, of which nothing stays."""
    chapter("4. A run that turns out to be wrong, rolled back")
    tell("What is in the store before it? A pod that mounts the volume lists the thread's files:")
    before = look()
    do_run("wrong", question="What is the meaning of life?", until=60)
    follow("wrong", source=22)
    tell("\nNothing of this shall stay:")
    do_patch("wrong", '{"spec": {"cancel": "rollback"}}')
    do("kubectl wait --for=delete agentrun/wrong --timeout=120s")
    news = "--field-selector=involvedObject.name=wrong,reason=RolledBack"
    do(f"kubectl wait --for=create event {news} --timeout=60s")
    events = do("kubectl events --for=agentrun/wrong")
    do("kubectl get agentruns")
    tell("\nAnd what is in the store now?")
    after = look()
    check("checkpoints deleted" in events, "an Event says how many checkpoints were deleted")
    new = [line for line in after if line not in before]
    check(set(before) <= set(after), "every file of the thread is there, byte for byte")
    check(
        len(new) == 1 and "/tombstones/" in new[0],
        "the only new file is a tombstone: whatever that run might still write is void",
    )


def do_run(name: str, question: str = "", until: int = 0) -> None:
    """Create a run on the thread and wait until its agent runs. `until`: sources to have read."""
    text = f"  input: {{question: '{question}', sources: {until}}}\n" if question else ""
    do(RUN.format(name=name, input=text))
    do(f"kubectl wait --for=condition=Started agentrun/{name} --timeout=120s")


def follow(name: str, source: int) -> None:
    """Show the run's log as it grows, until that source has been read."""
    last = f"source {source} read"
    log = do(f"kubectl logs --follow job/{name} | sed -u '/{last}/q'")
    check(last in log, f"the agent is at work: it has read source {source}")


def do_patch(name: str, patch: str) -> None:
    """Patch a run."""
    do(f"kubectl patch agentrun/{name} --type=merge --patch='{patch}'")


def look() -> list[str]:
    """The files of the thread, a line each: checksum and path."""
    image = runner_image()
    do(f"sed 's|image: .*|image: {image}|' tests/demo/look.yaml | kubectl apply --filename -")
    do("kubectl wait --for=jsonpath='{.status.phase}'=Succeeded pod/look --timeout=120s")
    lines = do("kubectl logs look").splitlines()
    do("kubectl delete pod look")
    return lines


def status(name: str) -> dict[str, Any]:
    """The status of a run."""
    found: dict[str, Any] = json.loads(run("kubectl", "get", f"agentrun/{name}", "--output=json"))
    return found["status"]  # type: ignore[no-any-return]


def phase(name: str) -> str:
    """The phase of a run."""
    return str(status(name)["phase"])


def pod_phase(name: str) -> str:
    """The phase of the run's pod."""
    pod = str(status(name)["podName"])
    return run("kubectl", "get", "pod", pod, "--output=jsonpath={.status.phase}")


def notes(name: str) -> list[str]:
    """The notes in the output of a run: those of its whole thread."""
    found: list[str] = status(name)["output"]["notes"]
    return found


def notes_in_log(name: str) -> list[str]:
    """The notes that a run itself has made, one a step."""
    lines = run("kubectl", "logs", f"job/{name}").splitlines()
    events = [json.loads(line) for line in lines if line.startswith("{")]
    updates = [event["data"] for event in events if event["event"] == "updates"]
    return [note for update in updates for node in update.values() for note in node["notes"]]


def plan(question: str) -> list[str]:
    """The note of the agent's first step."""
    return [f"plan: {question}"]


def sources(first: int, last: int) -> list[str]:
    """The notes of sources that were read."""
    return [f"source {number} read" for number in range(first, last + 1)]
