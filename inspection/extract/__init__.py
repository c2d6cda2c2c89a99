"""A module for each type of file: `extract(name, raw)` reads it into `parts.Extracted`, or raises NoCanonicalForm."""
