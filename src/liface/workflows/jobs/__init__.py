"""Jobs: three lines around a plain function each."""
