"""Layer 1: the operator's own code on a simulated cluster, with random interleavings and faults.

The cluster is in memory and its time is virtual. Everybody in it acts in steps that a schedule puts
in any order: the API server answers requests, fails them or takes them in late; watches deliver
late or lose deletions; the Job controller acts on what it saw earlier; kubelets start, stop and
report. After every step the judge (``tests/judge``) has seen what really happened, and at the end
everything has to settle.

Some things cannot be prevented; they are counted by themselves:

- *create request of a dead sender*: a Job whose request took effect after its sender had died or
  given up. Bounded by the name (one Job at a time), the garbage collector (the run is gone) and the
  operator, which stops what lives of a run that has ended.
- *create after another operator's work*: the same of an operator that lives, but stalled between
  its last look at the run and the create. Bounded likewise, and rare: only one holds the Lease.
- *pod made by the Job controller after its Job went*: bounded by the garbage collector.
- *suspension taken back before the Job controller acted on it*: the controller deletes a pod that
  has ended meanwhile, without counting it, and makes another, which the operator stops.
- *rollback requested after the release*: the run had ended but for its final phase; the rollback is
  carried out, but a deletion of the record in that moment is not held up any more.

What tenants may do where no admission policy refuses it says ``simulated/attacks.py``; what follows
from that, ``judge/excuses.py``.

Left out: a pod that has ended and gets the condition DisruptionTarget before the Job controller
has counted it (an eviction in that second): the Job makes another, which the operator stops.
"""
