"""Byte formats that know nothing of any vendor."""
