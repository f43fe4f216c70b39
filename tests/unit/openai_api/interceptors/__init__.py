"""Tests of the interceptors without a gateway, on exchanges and events that are made up."""
