"""The runner of an agent's pod: the supervisor (PID 1, standard library only) and the runtimes."""
