"""Sign-in by a provider, and with a second factor, at a running gateway."""
