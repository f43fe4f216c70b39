"""The steps of a request; only run.py knows their order."""
