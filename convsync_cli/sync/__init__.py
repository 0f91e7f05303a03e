"""The job queue, the budget and the sync; knows neither the terminal nor the command line."""
