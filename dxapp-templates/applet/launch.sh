#!/bin/bash
# Runs the app on the cluster's Spark; only the driver machine runs this. The platform puts resources/ at /.

main() {
    local root=${LOADER_ROOT:-/opt/spark_loaders} python_path hdfs_classes status=0
    python_path="$root:$root/lib"
    hdfs_classes=$(hadoop classpath --glob)  # with these and its native library PyArrow reads and writes HDFS
    export PYSPARK_PYTHON=python3
    export PYTHONPATH="$python_path:${PYTHONPATH:-}" CLASSPATH="$hdfs_classes" ARROW_LIBHDFS_DIR="$HADOOP_HOME/lib/native"
    dx-spark-submit --log-level WARN --collect-logs \
        --conf "spark.executorEnv.PYTHONPATH=$python_path" \
        --conf "spark.executorEnv.CLASSPATH=$hdfs_classes" \
        --conf "spark.executorEnv.ARROW_LIBHDFS_DIR=$HADOOP_HOME/lib/native" \
        "$root/apps/@APP@/app.py" --job-dir "$HOME" || status=$?
    # Spark may end with an error after the app is done: the job's output is the sign of success, and it is written last.
    if [ -f "$HOME/job_output.json" ]; then
        return 0
    fi
    return "$((status ? status : 1))"
}
