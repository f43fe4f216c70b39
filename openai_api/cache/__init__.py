"""Which answers are given again, instead of asking for them? Exact repeats of requests, as docs/cache.md has it."""
