"""Stylizing on a cluster with Ray; Ray itself is imported when it is used."""
