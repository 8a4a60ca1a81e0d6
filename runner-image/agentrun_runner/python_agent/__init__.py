"""What the runtimes share whose agents are Python objects: the process of such an agent."""
