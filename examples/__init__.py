"""Example plans and the functions that carry them out."""
