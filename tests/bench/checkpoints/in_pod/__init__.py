"""What runs in the pod."""
