"""Training sets: folders of photos, or COCO 2017, written once as small JPEGs that are quick to read."""
