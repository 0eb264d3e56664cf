"""Learning a small encoder from a VGG, against adversaries that look for what it overlooks."""
