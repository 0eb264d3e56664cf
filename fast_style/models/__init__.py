"""The transformation networks, and the seam between training and running: the files of an exported model."""
