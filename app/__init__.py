"""The desktop application and the command line. Never imports torch or the training package."""
