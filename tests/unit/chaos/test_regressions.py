"""Schedules that once broke an invariant, as short as they could be made."""

import pytest

from chaos.simulated.schedule import run_schedule, written
from simulated.clock import VirtualLoop

SCHEDULES = {
    "an evicted pod whose label names another run stays watched when its run has finished": """
        operator_starts 0
        create_run 11820195
        all_go_on 0
        kubelet_evicts 15932174
        change_marks 3546260
    """,
    "a rollback whose Job vanished before its claim was in the status waits for ever": """
        create_run 0
        operator_starts 0
        operator_goes_on 0
        operator_crashes 0
        rollback 0
        job_controller_looks 0
        delete_job 2
        cluster_goes_on 0
    """,
    "a Job deleted by hand before it was in the status: the rollback leaves its checkpoints": """
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
    "a run deleted while another's finalizer holds it reads Interrupted, but had succeeded": """
        operator_starts 0
        create_run 0
        all_go_on 0
        agent_finishes 0
        delete_run 43
        kubelet_reports 0
    """,
    "two runs of a thread that await their clean-up wait for each other": """
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
    "a clean-up waits for a claim without a Job, which waits for the clean-up": """
        create_run 35
        operator_starts 0
        all_go_on 0
        take_finalizer_off 0
        create_run 10248613
        watches_deliver_all 0
    """,
    "claim and release in a circle while the watch lags": """
        operator_starts 0
        all_go_on 0
        create_run 8222935
        operator_starts 0
        request_is_served 0
        create_run 0
        all_go_on 0
    """,
    "an evicted pod that nobody saw had written checkpoints": """
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
    "the Job of a run that is deleted with --cascade=orphan starts a retry": """
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
    "a run that timed out while its pod was deleted by hand reads Interrupted": """
        create_run 13233453
        operator_starts 0
        all_go_on 0
        delete_pod 0
        time_passes 5134180
    """,
    "a retry decided on before the retries were forbidden starts after the end": """
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
    "the pod of a forged Job, which is not the run's, tells how the run ended": """
        create_run 0
        operator_starts 0
        forge_run_job 0
        all_go_on 0
        forged_container_ends 0
        all_go_on 0
        operators_go_on 0
    """,
    "a forged pod that has succeeded passes for the one that the run's Job will make": """
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
    "a run ends while its pod lives, from which a tenant took the label with the run's name": """
        create_run 0
        operator_starts 0
        all_go_on 0
        all_go_on 0
        change_marks 8
        delete_job 0
        operators_go_on 0
        operators_go_on 0
    """,
    "a run ends while its pod lives, from which a tenant took the label with the component": """
        create_run 0
        operator_starts 0
        all_go_on 0
        all_go_on 0
        change_marks 14
        delete_job 0
        operators_go_on 0
        operators_go_on 0
    """,
    "a run takes and gives back its thread in a circle, for a pod of a forged Job of its name": """
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
def test_what_once_broke_holds(schedule: str) -> None:
    loop = VirtualLoop()
    result = run_schedule(written(schedule), loop)
    loop.close()
    assert result.violations == []
