"""A static page that runs models in the visitor's own browser: their camera, their photos, nothing uploaded."""
