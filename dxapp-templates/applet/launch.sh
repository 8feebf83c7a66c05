#!/bin/bash
# Runs the app on the cluster's Spark. Only the driver machine runs this. The platform unpacks resources/ at /.

main() {
    local root=${LOADER_ROOT:-/opt/spark_loaders} python_path hdfs_classes status=0
    python_path="$root:$root/lib"
    hdfs_classes=$(hadoop classpath --glob)  # PyArrow needs these and the native library to read and write HDFS
    export PYSPARK_PYTHON=python3
    export PYTHONPATH="$python_path:${PYTHONPATH:-}" CLASSPATH="$hdfs_classes" ARROW_LIBHDFS_DIR="$HADOOP_HOME/lib/native"
    dx-spark-submit --log-level WARN --collect-logs \
        --conf "spark.executorEnv.PYTHONPATH=$python_path" \
        --conf "spark.executorEnv.CLASSPATH=$hdfs_classes" \
        --conf "spark.executorEnv.ARROW_LIBHDFS_DIR=$HADOOP_HOME/lib/native" \
        "$root/apps/@APP@/app.py" --job-dir "$HOME" || status=$?
    # Spark may fail after the app has finished. The app writes the job's output last, so that file shows success.
    if [ -f "$HOME/job_output.json" ]; then
        return 0
    fi
    return "$((status ? status : 1))"
}
