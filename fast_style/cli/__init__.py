"""The `fast-style` command: one file per command, and the only place that knows option names."""
