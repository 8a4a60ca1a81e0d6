"""Layer 2: the real operator against a real API server, behind a proxy that injects faults.

API server, controller manager, scheduler and garbage collector are those of the cluster. Nodes and
users are simulated: the kubelets run agents that write real checkpoints, and the clean-up's real
code. The operator is its own program, in processes that are killed, frozen and started again; some
have a clock that is minutes off, and at times one works beside the leader, without regard to its
lease. Its code is as it is, but for waits that are shortened (``launcher.py``).

``recorder.py`` sees what happens past the operators. The judge (``tests/judge``) rules at the end
of each round, when all faults are over and everything must have come to its end. What cannot be
prevented is counted by itself. More often than in layer 1, that is:

- *Job deleted by hand before it was written down*: nothing says that the run ever had one, so it
  gets another.

Of the seed depends what is drawn, not when it falls: a round is no two times the same.
"""
