"""How is a proxy for one upstream made of the gateway's parts, without a database? docs/proxy.md explains it."""
