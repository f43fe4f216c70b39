"""The steps of a request; only exchange.py knows their order."""
