"""Reports of the QA room: one procedure, a set, or two models compared; as HTML, as JSON, and (in the GUI) as PDF.

Numbers are those of `app.qa.figures` and `app.qa.comparing`, and are never made here.
"""
