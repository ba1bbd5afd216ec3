"""Where raw and staged data lie, and how they get there without ever being half there."""
