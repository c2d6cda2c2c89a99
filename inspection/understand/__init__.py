"""What the columns of a table are, by their names and their values."""
