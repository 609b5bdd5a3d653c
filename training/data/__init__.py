"""What training sees: images by number, augmented. Boxes stay right, draws are repeatable."""
