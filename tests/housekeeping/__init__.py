"""Keeping a home in order."""
