"""What is done to a file before a checker sees it: its canonical copy, findings and a view.

Runs in a sandbox, on hostile bytes. Knows no database, network, person or project; needs the standard library, Pillow,
google-re2 and python-stdnum. `python -m output_review.inspection` reads a tar on standard input and writes one.
"""
