"""What can be said of a picture before any model sees it: fields, the live area, quality, the light."""
