"""The promises under fire: real processes on a real file, killed, stopped, starved and confused."""
