"""``polypwatch bench``: what this machine can hold, measured with the product's own code and said in plain words.

Measuring, judging and reporting; the windows that it needs are in ``app.gui``. Nothing here imports Qt.
"""
