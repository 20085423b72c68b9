"""Keeping a home in order: what runs it holds, whether they are whole, archives, clearing up."""

from __future__ import annotations
