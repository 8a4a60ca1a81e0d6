"""The command line `agentrun-store`: what people and programs do with a store. See README.md."""
