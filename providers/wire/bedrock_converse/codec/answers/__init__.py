"""Whole answers of Converse, in and out."""
