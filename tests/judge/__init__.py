"""One judge of what must always hold, for the three layers of ``make chaos`` and for unit tests.

A recorder sees what really happens, past the operator, and tells the judge in the events of
``history.py``. What the judge checks does not depend on the layer. What a layer cannot see, its
recorder names in ``BLIND``, with the reason, and the judge gives no verdict on it.
"""
