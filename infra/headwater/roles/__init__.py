"""Who may do what with the history on a ClickHouse server: five roles, their grants and limits."""

from headwater.roles.apply import Applied, apply, drop
from headwater.roles.declared import ROLES, Grant, Role, role_name

__all__ = ["ROLES", "Applied", "Grant", "Role", "apply", "drop", "role_name"]
