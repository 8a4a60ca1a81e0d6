"""Tests of the operator on a real cluster: `make e2e`."""
