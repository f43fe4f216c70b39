"""Who asks Google? API keys and access tokens, for every adapter of a vendor that Google serves."""
