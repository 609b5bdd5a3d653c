"""The training loop: configuration, losses, checkpoints, one or many processes. Measuring dev comes from evaluation."""
