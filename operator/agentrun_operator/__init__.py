"""The AgentRun operator: runs AI agents as Jobs, and stops them properly."""
