"""What the raw objects say: pure functions that read runs, Jobs, pods and clean-ups."""
