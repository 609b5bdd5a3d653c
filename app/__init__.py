"""The desktop application and the command line. Never imports torch or the training package."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("polypwatch")
except PackageNotFoundError:  # run from a checkout that was not installed
    VERSION = "0+unknown"

SOFTWARE = f"polypwatch {VERSION}"
RESEARCH_USE = "Research use only, not a medical device"
