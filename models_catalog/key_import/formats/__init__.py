"""Which rows does a key file of each format hold?"""
