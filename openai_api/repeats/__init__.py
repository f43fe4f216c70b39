"""How is a request that is sent twice served once? By its `Idempotency-Key`, as docs/idempotency.md has it."""
