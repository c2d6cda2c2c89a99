"""The site people see: login, my projects, the way into rooms."""
