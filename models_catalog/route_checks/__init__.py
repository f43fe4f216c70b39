"""Does a route really work? The smallest call of each capability, made for real, and how it ended."""
