"""The questions that the Indonesian pages ask of a build."""
