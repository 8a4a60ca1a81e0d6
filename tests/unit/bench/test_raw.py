import json

from bench.raw import TEMPLATE_RUN, Templates, raw_cleanup, raw_job

UID = "11111111-2222-3333-4444-555555555555"
STORE = f"threads/{TEMPLATE_RUN}"


def job(container: dict[str, object]) -> dict[str, object]:
    """A Job as the API server gives it back, with the selector and labels that it added."""
    labels = {"app.kubernetes.io/managed-by": "agentrun-operator", "controller-uid": "j"}
    return {
        "metadata": {"name": TEMPLATE_RUN, "uid": "j", "labels": labels, "ownerReferences": [{}]},
        "spec": {
            "backoffLimit": 0,
            "selector": {"matchLabels": {"controller-uid": "j"}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
        "status": {"active": 1},
    }


TEMPLATES = Templates(
    run_uid=UID,
    run_job=job(
        {
            "name": "agent",
            "env": [
                {"name": "AGENTRUN_UID", "value": UID},
                {"name": "AGENTRUN_THREAD", "value": STORE},
            ],
            "volumeMounts": [{"mountPath": f"/agentrun/store/{STORE}", "subPath": STORE}],
        }
    ),
    cleanup_job=job({"name": "cleanup", "env": [{"name": "AGENTRUN_CLEANUP", "value": UID}]}),
)


def test_a_raw_job_writes_into_no_other_pods_thread() -> None:
    text = json.dumps(raw_job(TEMPLATES, "raw-7"))
    assert TEMPLATE_RUN not in text
    assert UID not in text
    assert "/agentrun/store/threads/raw-7" in text


def test_two_raw_jobs_have_two_uids() -> None:
    assert raw_job(TEMPLATES, "raw-7")["spec"] != raw_job(TEMPLATES, "raw-7")["spec"]


def test_a_raw_job_has_no_selector_owner_or_label_of_the_operator() -> None:
    for made in (raw_job(TEMPLATES, "raw-7"), raw_cleanup(TEMPLATES, "raw-8")):
        assert "selector" not in made["spec"]
        assert set(made["metadata"]) == {"name", "labels"}
        assert "agentrun-operator" not in json.dumps(made)


def test_an_idle_clean_up_cleans_nothing() -> None:
    (container,) = raw_cleanup(TEMPLATES, "raw-8")["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "AGENTRUN_CLEANUP", "value": "[]"}]


def test_making_raw_jobs_does_not_change_the_templates() -> None:
    before = json.dumps(TEMPLATES.run_job), json.dumps(TEMPLATES.cleanup_job)
    raw_job(TEMPLATES, "raw-7")
    raw_cleanup(TEMPLATES, "raw-8")
    assert (json.dumps(TEMPLATES.run_job), json.dumps(TEMPLATES.cleanup_job)) == before
