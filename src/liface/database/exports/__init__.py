"""One module per format in which results are handed to other programs."""
