"""The statements of queries.sql by name, and those that are composed of them."""

from ..sql_files import load_statements

SQL = load_statements(__package__)

GROUP = 50
"""Events that one statement adds, which is faster than one by one."""

_EVENT = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
ADD_EVENTS = SQL["add_event"] + f", {_EVENT}" * (GROUP - 1)


def select_entries(conditions: str) -> str:
    """Return the query of the entries that conditions, an order and a limit select."""
    return f"{SQL['select_entries']} WHERE {conditions}"
