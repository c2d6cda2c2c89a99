"""The command line, and the table of processes: thin, the parts do the work."""
