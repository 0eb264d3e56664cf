"""Image files to RGB arrays and back: formats, decoding, encoding, metadata, color, folders and tensors."""
