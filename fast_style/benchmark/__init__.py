"""Timings of loading, training and stylizing on this machine, beside pytorch/examples."""
