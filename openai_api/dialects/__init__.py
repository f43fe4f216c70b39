"""How does each vendor's public surface look to its clients? One value a vendor."""
