"""Measures of quality: the scorecard, optimization of pixels (Gatys et al. 2015), similarity and visualized units."""
