"""Tests of the text views."""
