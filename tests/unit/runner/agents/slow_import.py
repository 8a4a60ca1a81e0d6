"""A module whose import never ends."""

import time

try:
    print("ready", flush=True)
    time.sleep(600)
finally:
    print("cleaned up")
