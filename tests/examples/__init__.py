"""Tests of the example plans and their functions."""
