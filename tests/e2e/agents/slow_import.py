"""Never has a graph: its import waits forever."""

import json
import time

print(json.dumps({"event": "importing"}), flush=True)
time.sleep(3600)
