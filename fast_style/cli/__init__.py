"""The fast-style command: one file for each command, registered by the app; the only place that knows option names."""
