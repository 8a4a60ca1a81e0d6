"""make bench: what runs cost, measured on the cluster beside what there is to compare them with.

`parts.py` lists the parts; each is a package, with its section of the report in `report.py`.
"""
