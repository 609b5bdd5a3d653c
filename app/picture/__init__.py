"""The picture as the room wants it: deinterlaced, cut to the picture area, with square pixels and the right colours.

What can be said of a picture lives in :mod:`detector.picture`; here it is applied to a source. No Qt. Nothing is
imported here, so that the command line can offer the options without loading OpenCV.
"""
