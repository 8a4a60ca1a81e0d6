"""Layer 3: real pods and a real volume, laid hands on at random, and what was to be seen of it.

`stories.py` deals out what happens to each run, by a seed; `deeds.py` does it. Meanwhile
`witness.py` watches the API server and hears the agents, and `looks.py` looks at the node's
processes. In the end `recorder.py` tells all that to the judge (`tests/judge`), and what the store
has: status is what is judged, never what judges.

The seed decides what is done and when it is tried; how it falls together is up to the cluster.
"""
