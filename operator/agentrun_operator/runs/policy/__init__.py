"""What should happen: pure functions of the state that is there. Start reading at ``decide.py``."""
