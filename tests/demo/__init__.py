"""make demo: the whole story on a real cluster, with the commands that a user would type."""
