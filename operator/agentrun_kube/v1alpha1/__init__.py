"""The custom resources of agentrun.dev/v1alpha1, typed."""
