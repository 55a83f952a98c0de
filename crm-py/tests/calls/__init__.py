"""How each operation is called in Python.

`CALLS` has one branch per operation: from the request in JSON to a call as a user would write it, and
from its answer back to JSON.
"""

from . import consents, customers, data, tables
from .requests import Calls, Json, Request, plain

__all__ = ["CALLS", "Json", "Request", "plain"]

CALLS: Calls = {**consents.CALLS, **customers.CALLS, **data.CALLS, **tables.CALLS}
"""How each operation is called."""
