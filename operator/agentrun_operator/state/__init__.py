"""What this process knows of the cluster and what it has to look at: cache, queue, watches."""
