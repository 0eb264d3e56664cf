"""Running an exported model: the Stylizer, its engines, pictures in tiles, and whole folders of files."""
