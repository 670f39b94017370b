"""Strategy plugins, one file each, loaded by path; nothing imports this package."""
