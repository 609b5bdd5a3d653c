"""Short clips that are worth a look, ranked, and answered with one key; and the audit of what nobody marked. No Qt."""
