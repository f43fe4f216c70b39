"""Are sessions found as docs/sessions.md says?"""
