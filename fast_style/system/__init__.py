"""The operating system and the file system: atomic writes, paths, hardware, processes, signals and downloads."""
