"""Tests; a package so that `python -m tests.…` finds these and nobody else's."""
