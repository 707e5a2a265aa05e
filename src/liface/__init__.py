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

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("liface")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0.0.0"

__all__ = ["__version__"]
