"""What ends a run with one line."""


class Failure(Exception):
    """The thing, the value and the remedy, in one line."""
