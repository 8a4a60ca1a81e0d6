"""The process of an agent that is a Python object, for all runtimes with such agents."""
