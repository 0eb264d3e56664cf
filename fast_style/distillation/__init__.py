"""Training of a small encoder that imitates a VGG, against adversaries that search for what it overlooks."""
