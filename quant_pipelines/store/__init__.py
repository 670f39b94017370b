"""PostgreSQL: tables, migrations and the only SQL of the system."""
