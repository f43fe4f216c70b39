"""The public surface: paths, dialects, and the journey of a request."""
