"""The QA room: recorded procedures replayed, judged, corrected and reported. No Qt."""
