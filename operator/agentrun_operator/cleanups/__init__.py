"""The clean-up Jobs of a PersistentVolumeClaim, shared by the runs that wait for them."""
