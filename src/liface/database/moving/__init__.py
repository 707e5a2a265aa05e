"""Moving documents between databases and stores without loss: copying, merging, checking, gathering from jobs."""
