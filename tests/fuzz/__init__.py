"""What do the parsers do with bytes that nobody thought of? Targets for a coverage-guided fuzzer, and their seeds."""
