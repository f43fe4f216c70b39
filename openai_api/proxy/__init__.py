"""How are requests passed on to one upstream as they are, under the eyes of hooks and observers? docs/proxy.md explains it."""
