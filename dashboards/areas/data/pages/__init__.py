"""The pages about the data themselves, one module each."""
