"""The platform's HTTP API over a local project, for the platform's own client on this machine.

It answers what needs no query of data: objects, files, databases' listings, records, and what `dx extract_dataset` reads of a
Dataset's descriptor. Routes and their fields are those that dxpy 0.417.1 calls; documentation.dnanexus.com describes them.
"""

from common.platform.api.server import ApiServer

__all__ = ["ApiServer"]
