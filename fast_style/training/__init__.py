"""Training one model: the Lightning module and data, the run folder, checkpoints, divergence, and the export."""
