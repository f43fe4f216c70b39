"""Do routes that share behave as docs/routing.md says?"""
