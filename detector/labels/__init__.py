"""Label files of other tools, read safely: what training imports and what QA exchanges. No torch, no Qt, no catalog.

What a file says comes out as it was written; whether that fits a picture or a video is the caller's question.
"""
