"""Times that more than one part has to agree on, in seconds."""

# What an operator waits for an answer, and for a sign of life on a watch.
PATIENCE = 4.0
INACTIVITY = 4.0
# Longer than a silent watch is borne, and than any deletion here takes.
SILENCE = 7.0
# A replica's lease: how long it is good, until when it must be renewed, how often it is tried.
LEASE, RENEWAL, RETRY = 4.0, 3.0, 0.5
