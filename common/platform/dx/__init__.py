"""The platform, for a job that runs there: objects through its client dxpy, databases through Spark.

Settings, from the job's environment:
    LOADER_DATABASE_LOCATION  where `CREATE DATABASE` puts a database; `dnax://` if not set, as the platform wants it
    LOADER_STAGING            a folder or URI that all nodes share, for inputs and staged tables; HDFS of the cluster if not set
"""

from common.platform.dx.project import DxPlatform

__all__ = ["DxPlatform"]
