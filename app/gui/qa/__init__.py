"""The window of the QA room: library, worklist, replay, figures. Qt lives here, all that is known lives in `app.qa`."""
