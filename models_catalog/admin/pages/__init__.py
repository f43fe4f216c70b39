"""The operator's pages: one module each."""
