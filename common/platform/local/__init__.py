"""A project that is a directory on a file system which all nodes of the cluster share."""

from common.platform.local.project import LocalProject

__all__ = ["LocalProject"]
