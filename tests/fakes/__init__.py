"""Which stand-ins do the tests talk to? Real server processes that misbehave on request."""
