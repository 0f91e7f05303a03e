"""Running by itself: what a scheduler is told, in its own format, and whether it does it."""
