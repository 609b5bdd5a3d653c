"""Replay: any picture of a procedure by its position, at any speed, forwards and backwards. No Qt.

`media` opens files, `index` counts their pictures, `reel` decodes one file at any place, `shelf` holds the reels of a
procedure, `store` the pictures that were decoded, `pictures` serves workers, `player` a screen.
"""
