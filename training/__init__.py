"""From annotated colonoscopy images to a measured model. Torch lives here and only here; Qt and the app never do."""
