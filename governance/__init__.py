"""Who may do what: people, roles, projects, data, permits, the audit chain and the one database."""
