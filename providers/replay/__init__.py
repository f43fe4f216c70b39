"""What does a provider do that only says again what was recorded? docs/recordings.md, "As an upstream", has its options."""
