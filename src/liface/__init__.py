"""liface: an atomistic workflow engine for Li interfacial energetics.

The package is laid out as floors; each imports only from those below it::

    cli
    report
    dispatch
    workflows
    engines
    structures | analysis | database
    documents, units, errors

Importing ``liface`` touches no file, no setting and no heavy package.
"""

from __future__ import annotations

__version__: str

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    """Look the version up when somebody asks for it: reading the metadata of packages takes a while."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version("liface")
    except PackageNotFoundError:  # a source tree that was never installed
        found = "0.0.0"
    globals()[name] = found
    return found
