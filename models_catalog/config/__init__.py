"""Configuration files: how they are read, compared with the database, applied to it, and written from it."""
