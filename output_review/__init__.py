"""The door out: requests, frozen files, canonical copies, checks, votes and releases."""
