"""Schedules that once broke an invariant, as short as they could be made."""

import pytest

from chaos.simulated.schedule import run_schedule, written
from simulated.clock import VirtualLoop

SCHEDULES = {
    "an evicted pod whose label names another run leaves the watch when its run has finished": """
        operator_starts 0
        create_run 11820195
        all_go_on 0
        kubelet_evicts 15932174
        change_marks 3546260
    """,
    "a rollback whose Job vanished before its claim was in the status ends": """
        create_run 0
        operator_starts 0
        operator_goes_on 0
        operator_crashes 0
        rollback 0
        job_controller_looks 0
        delete_job 2
        cluster_goes_on 0
    """,
    "a rollback deletes the checkpoints of a Job deleted by hand before it was in the status": """
        create_run 0
        operator_starts 0
        operator_goes_on 0
        cluster_goes_on 0
        agent_writes 0
        operator_starts 0
        delete_job 0
        agent_finishes 0
        rollback 0
        cluster_goes_on 0
    """,
    "a run that succeeded and is deleted while a foreign finalizer holds it reads Succeeded": """
        operator_starts 0
        create_run 0
        all_go_on 0
        agent_finishes 0
        delete_run 43
        kubelet_reports 0
    """,
    "two runs of a thread that await their clean-up do not wait for each other": """
        operator_starts 0
        create_run 8970214
        all_go_on 0
        agent_fails 1825
        all_go_on 0
        create_run 40
        all_go_on 0
        delete_run 0
        rollback 35
    """,
    "a clean-up and a run with the finalizer but no Job do not wait for each other": """
        create_run 35
        operator_starts 0
        all_go_on 0
        take_finalizer_off 0
        create_run 10248613
        watches_deliver_all 0
    """,
    "two runs do not take and release their thread in turns while the watch lags": """
        operator_starts 0
        all_go_on 0
        create_run 8222935
        operator_starts 0
        request_is_served 0
        create_run 0
        all_go_on 0
    """,
    "a rollback deletes the checkpoints of an evicted pod that the operator never saw": """
        create_run 0
        operator_starts 0
        all_go_on 0
        rollback 0
        evict_pod 0
        operator_crashes 0
        agent_writes 0
        all_go_on 0
        agent_finishes 0
        kubelet_reports 0
        job_controller_looks 0
    """,
    "the Job of a run that is deleted with --cascade=orphan starts no retry": """
        create_run 1669
        operator_starts 0
        all_go_on 0
        agent_fails 0
        delete_run 1082
        operator_starts 0
        cluster_goes_on 0
        time_passes 23
        request_is_served 14
        request_is_served 0
        request_is_served 2266
        cluster_goes_on 0
    """,
    "a run that timed out while its pod was deleted by hand reads TimedOut": """
        create_run 13233453
        operator_starts 0
        all_go_on 0
        delete_pod 0
        time_passes 5134180
    """,
    "no retry decided on before the retries were forbidden starts after the end": """
        operator_starts 0
        create_run 891
        all_go_on 0
        all_go_on 0
        interrupt 0
        agent_fails 0
        kubelet_reports 0
        job_controller_looks 0
        all_go_on 0
    """,
    "the pod of a forged Job, which is not the run's, does not decide how the run ended": """
        create_run 0
        operator_starts 0
        forge_run_job 0
        all_go_on 0
        forged_container_ends 0
        all_go_on 0
        operators_go_on 0
    """,
    "a forged pod that has succeeded does not pass for the one that the run's Job creates": """
        create_run 0
        operator_starts 0
        operators_go_on 0
        operators_go_on 0
        forge_pod 0
        scheduler_binds 0
        kubelets_go_on 0
        forged_container_ends 0
        kubelets_go_on 0
        operators_go_on 0
        operators_go_on 0
        all_go_on 0
    """,
    "a run does not end while its pod lives, though a user removed its label with the name": """
        create_run 0
        operator_starts 0
        all_go_on 0
        all_go_on 0
        change_marks 8
        delete_job 0
        operators_go_on 0
        operators_go_on 0
    """,
    "a run does not end while its pod lives, though a user removed its component label": """
        create_run 0
        operator_starts 0
        all_go_on 0
        all_go_on 0
        change_marks 14
        delete_job 0
        operators_go_on 0
        operators_go_on 0
    """,
    "a run does not take and release its thread in turns for a pod of a forged Job": """
        create_run 0
        operator_starts 0
        all_go_on 0
        create_run 1
        forge_run_job 1
        cluster_goes_on 0
        operators_go_on 0
    """,
}


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=list(SCHEDULES))
def test_a_schedule_that_once_broke_an_invariant_breaks_none(schedule: str) -> None:
    loop = VirtualLoop()
    result = run_schedule(written(schedule), loop)
    loop.close()
    assert result.violations == []
