"""From pixels to an alert: geometry, frames, the model runtime, the AI process, tracking and alerting.

No Qt and no torch in this package: it runs the same under the window, the command line and the trainer.
"""
