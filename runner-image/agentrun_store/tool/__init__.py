"""The command line `agentrun-store`, for people and programs. See README.md."""
