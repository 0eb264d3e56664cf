"""Video: reading, stylizing frame by frame, deflickering, writing, and measuring the warping error."""
