"""The one error that the sandbox raises for what a person can mend."""

from __future__ import annotations


class SandboxError(Exception):
    """The sandbox cannot do what was asked; the message names the file, option or port and what to do."""
