"""Tests of runs that are taken up again."""
