#!/bin/bash
# Runs on every node before Spark starts on it: a node that cannot load what tasks need fails here, with the reason, and not
# in the middle of a load.
set -e
PYTHONPATH=/opt/spark_loaders/lib:/opt/spark_loaders python3 -c "import numpy, pyarrow, common.tables"
