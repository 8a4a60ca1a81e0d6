"""Never gets so far as to have a graph: importing it waits for ever."""

import json
import time

print(json.dumps({"event": "importing"}), flush=True)
time.sleep(3600)
