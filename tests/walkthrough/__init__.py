"""The walkthrough: `data` makes its small study, `page` runs the commands of WALKTHROUGH.md and compares what they print."""
