"""Tests of the board, in Python and on a page of its own."""
