"""Closing the loop: hard examples from scored procedures, suspicious labels, fine-tuning, and a way to FiftyOne."""
