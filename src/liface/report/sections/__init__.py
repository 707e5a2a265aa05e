"""One module per section of the page; each has a ``build`` that returns its HTML."""
