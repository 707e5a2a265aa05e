"""That this file is here puts `tests/` on the import path: helpers shared by several folders lie beside it."""
