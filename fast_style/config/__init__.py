"""The Hydra settings of a training run: their schema, how they are composed, and how overrides and sweeps are read."""
