"""Compact training sets: folders of photos and COCO, written once as small JPEGs."""
