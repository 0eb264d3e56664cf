"""The browser page: a static site that runs exported models on the visitor's own photos, videos and camera."""
