"""The roles as a file for a server's `users.d` folder, for those who keep users in files and not in SQL.

Same names, grants and limits as by statements. A user gets one by `<grants><query>GRANT …</query></grants>` in
its own entry, and the limits by `<profile>` with the role's name.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from headwater.migrations.files import quote
from headwater.roles.declared import ROLES, Role, role_name
from headwater.roles.statements import right


def users_file(database: str) -> str:
    """The file's text. Raises ValueError where the database's name cannot be an element's name of XML."""
    root = ET.Element("clickhouse")
    profiles, roles = ET.SubElement(root, "profiles"), ET.SubElement(root, "roles")
    for role in ROLES:
        name = role_name(database, role)
        if not (name.isascii() and name.replace("_", "").replace("-", "").isalnum() and name[0].isalpha()):
            raise ValueError(f"{name!r} cannot stand in a users file: letters, digits, - and _ only")
        _profile(ET.SubElement(profiles, name), role)
        grants = ET.SubElement(ET.SubElement(roles, name), "grants")
        for word, rights in (("GRANT", role.grants), ("REVOKE", role.withheld)):
            for one in rights:
                ET.SubElement(grants, "query").text = f"{word} {right(database, one)}"
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def given(database: str, role: Role) -> str:
    """The query that gives a user of a users file the role."""
    return f"GRANT {quote(role_name(database, role))}"


def _profile(profile: ET.Element, role: Role) -> None:
    constraints = ET.Element("constraints")
    for setting, most in role.limits.items():
        ET.SubElement(profile, setting).text = str(most)
        bounds = ET.SubElement(constraints, setting)
        ET.SubElement(bounds, "min").text = "1"
        ET.SubElement(bounds, "max").text = str(most)
    for setting, value in role.fixed.items():
        ET.SubElement(profile, setting).text = str(value)
        ET.SubElement(ET.SubElement(constraints, setting), "const")
    profile.append(constraints)
