"""make bench: what a run costs beside a raw Job with the same pod, measured on the cluster.

`lives.py` is what is measured, `report.py` what is made of it.
"""
