#!/bin/bash
# Runs on every node before Spark starts. A node that cannot import what tasks need fails here, with the reason, instead of in
# the middle of a load.
set -e
PYTHONPATH=/opt/spark_loaders/lib:/opt/spark_loaders python3 -c "import numpy, pyarrow, common.tables"
