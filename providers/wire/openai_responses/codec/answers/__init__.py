"""Whole responses."""
