"""Plain functions between two calculations: outcomes in, requests or results out. No store, no engine."""
