"""Image files to RGB arrays and back: decoding, encoding, metadata, color and conversion to tensors."""
