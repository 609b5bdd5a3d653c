"""From trained weights to a gated, registered model folder; and other people's models beside ours."""
