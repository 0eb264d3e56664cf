"""The live camera: capture, the loop, the window with its overlay, and recordings."""
