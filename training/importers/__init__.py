"""One reader for each real layout of labelled images and clips; all of them give samples. No torch, no splits."""
