"""Running flows: in this process and its workers."""
