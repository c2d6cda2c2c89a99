"""The commands of `sluse`, a module for each noun. Each command is a few lines; the parts decide."""
