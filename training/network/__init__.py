"""The detectors, in plain torch: raw BGR pixels in, raw predictions and boxes out. Nothing about data or losses."""

from training.network.detector import SPECS, Network, Raw, Spec, build
from training.network.weights import Start, load_network, load_start, save_weights

NAMES = tuple(SPECS)

__all__ = ["NAMES", "SPECS", "Network", "Raw", "Spec", "Start", "build", "load_network", "load_start", "save_weights"]
