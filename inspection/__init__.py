"""What is done to a file before a checker sees it: its canonical copy, a view, and what the machine found in it.

A file goes one way: `types` says what it is; a module of `extract` reads it into parts, text, tables and pictures, each
with its place; `layout` finds tables that were printed as text; `understand` says what columns mean; `judge` looks at
all of it by a project's policy. No check knows a format, and no extractor a rule.

Runs in a sandbox, on hostile bytes, and in rooms. Knows no database, network, person or project; needs the standard
library, Pillow, google-re2 and python-stdnum. `python -m inspection` reads a tar on standard input and writes one.
"""
