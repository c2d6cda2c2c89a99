"""Drills use what the stories use."""

from tests.stories.conftest import chromium, visitor

__all__ = ["chromium", "visitor"]
