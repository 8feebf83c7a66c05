"""The Spark that a run uses, and how it is started, watched and stopped."""
