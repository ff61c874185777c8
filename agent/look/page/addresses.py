"""Addresses of the page, put together in one place so that every part of them is quoted.

run_address("20261124-1530-mossy-rocks-ab12")       # "/runs/20261124-1530-mossy-rocks-ab12"
"""

from urllib.parse import quote, urlencode


def run_address(name: str) -> str:
    """The page of a run, by the name of its folder."""
    return f"/runs/{quote(name, safe='', errors='replace')}"


def with_query(address: str, **given: str | int) -> str:
    """The address with what is not empty as its query."""
    query = {name: value for name, value in given.items() if value != ""}
    return f"{address}?{urlencode(query, errors='replace')}" if query else address
