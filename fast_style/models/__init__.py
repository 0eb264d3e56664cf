"""The transformation networks, and the seam between training and running: what a model file says of itself."""
