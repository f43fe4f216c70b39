"""Control plane: models, routes, providers, credentials and client keys as people edit them, and their compiled form."""
