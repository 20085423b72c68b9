"""Runs taken up again: what there is, what is done anew and why, and going on."""
