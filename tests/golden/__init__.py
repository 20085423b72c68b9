"""Runs of released versions, which every later one must load."""
