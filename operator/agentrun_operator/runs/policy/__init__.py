"""What should happen to a run: pure functions of a View that return a Plan. Start at ``decide.py``.

Glossary. Kubernetes' and LangGraph's own words mean what they mean there; beside them:

run          an AgentRun; its record is the object in the API server
claim        a PersistentVolumeClaim, nothing else: the store of checkpoints
finalizer    agentrun.dev/stop: keeps the record until none of the run's pods is alive
thread       a LangGraph thread; one live run at a time holds it (status.holdsThread)
segment      the run's own directory in the thread's store
alive        of a pod: its kubelet has not reported its end (PodFacts.alive)
begun        of a run: a Job was made for it, as far as is known
started      of a pod: some container of it runs or has run
stop         end every pod of a run: after a cancel, a deletion or a time-out
confirmed    known, and from what: nothing of the run is alive (condition Stopped)
interrupt    the cancel that stops a run and keeps its checkpoints
rollback     the cancel that stops a run, deletes its checkpoints, then removes the record
clean-up     the Job that deletes checkpoints of runs, after a rollback or a reclaim
report       the runner's termination report
outcome      how the run ended: phase, reason, message, report
recorded     of an outcome: written into the status before the operator stops the Job
ending       writing the end: the final phase, and removing the finalizer
final        of a phase: Succeeded, Failed, TimedOut, Interrupted, RolledBack
settled      final, and nothing is left to do: the run leaves the watch
unwatched    of a Job or pod: labelled as finished, so that it leaves the watch
confirm      of a plan: decide again on direct reads before acting
"""
