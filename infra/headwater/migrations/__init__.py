"""The history's tables and views, by numbered migrations. Needs the extra [audit]."""

from headwater.migrations.apply import Done, Standing, database_name, down, migrate, status

__all__ = ["Done", "Standing", "database_name", "down", "migrate", "status"]
