"""A module that does not get past its import."""

import time

try:
    print("ready", flush=True)
    time.sleep(600)
finally:
    print("cleaned up")
