"""A cluster in memory, in virtual time, on which the operator's own code runs.

API server with admission policies, Job controller, garbage collector, scheduler, kubelets, stores.
Each does one thing at a time, when it is told to. Unit tests of the operator and layer 1 of
``make chaos`` use it.
"""
