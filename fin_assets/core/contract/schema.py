"""`dataframely`, in which staged rows are described, without its optional part for SQL databases.

That part loads SQLAlchemy, a fifth of the time of a command that only reads. Import it from here: `schema.dy`.
"""

from __future__ import annotations

import sys

# Where SQLAlchemy is loaded already, as in Dagster's processes, there is nothing to save.
_spared = "sqlalchemy" not in sys.modules
if _spared:
    # An entry of None makes an import fail as if the package were not installed, which dataframely provides for.
    sys.modules["sqlalchemy"] = None  # type: ignore[assignment]
try:
    import dataframely as dy
finally:
    if _spared:
        del sys.modules["sqlalchemy"]

__all__ = ["dy"]
