"""The parts of tools/lab: processes, namespaces, name servers, the web server."""


class LabError(Exception):
    """What went wrong, said so that the user can do something about it."""
