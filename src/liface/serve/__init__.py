"""HTTP servers that read a results database: the page and OPTIMADE."""
