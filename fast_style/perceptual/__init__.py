"""The perceptual loss: frozen encoders, Gram matrices, and the objective that the settings describe."""
