"""An OPTIMADE server on a results database (OPTIMADE 1.2, doi:10.1038/s41597-021-00974-z)."""

from liface.serve.optimade.app import optimade_app

__all__ = ["optimade_app"]
