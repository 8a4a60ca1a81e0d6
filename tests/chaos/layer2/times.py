"""Times that more than one part has to agree on, in seconds."""

# What an operator waits for an answer, and for a sign of life on a watch.
PATIENCE = 4.0
INACTIVITY = 8.0
# Longer than a silent watch is borne, and than any deletion here takes.
SILENCE = 12.0
# A replica's lease: how long it is good, until when it must be renewed, how often it is tried.
LEASE, RENEWAL, RETRY = 6.0, 4.0, 1.0
