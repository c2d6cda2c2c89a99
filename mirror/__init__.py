"""Packages for rooms: a read-only mirror of one index outside, for the names and versions of one list."""
