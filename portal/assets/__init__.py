"""The Danish public design system, fetched by npm with its lock file and put where the portal serves it."""
