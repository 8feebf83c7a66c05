"""The loaders: one folder an app, each a standalone spark-submit program with its I/O spec in `dxapp.json`."""
