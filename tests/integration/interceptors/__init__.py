"""Tests of the interceptors that come with the gateway, each through a running one."""
