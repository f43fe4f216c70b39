"""Requests: what clients ask in Converse, and what Bedrock is asked in it."""
