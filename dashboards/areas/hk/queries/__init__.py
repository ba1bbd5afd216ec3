"""The questions that the Hong Kong pages ask of a build."""
