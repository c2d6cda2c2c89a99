"""Hostile release requests, as tables: a family is a kind of trick, a case one way to play it."""
