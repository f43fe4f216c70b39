"""Tests of what is told of an exchange after its end."""
