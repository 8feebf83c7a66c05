"""A job's shared folder on the cluster, and the publish out of it. The folder goes with the cluster if the job is killed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow.fs as pafs

from common.dataset.database import Database
from common.errors import AppError, Rule
from common.platform import Published, RecordDraft, Staging, TableChange
from common.platform.dx.metastore import Metastore
from common.platform.dx.objects import Objects


class SharedFolder:
    """A folder that all nodes of the cluster share: a URI, or a path if there is one node. Made when first written to."""

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")
        try:
            self._files, self._root = pafs.FileSystem.from_uri(self.uri)
        except (OSError, ValueError) as error:
            raise AppError(
                Rule.NOT_FOUND, f"{uri} cannot be used to stage tables: {error}", "Set LOADER_STAGING."
            ) from None

    @property
    def is_local(self) -> bool:
        """Whether it is on the driver's own file system."""
        return isinstance(self._files, pafs.LocalFileSystem)

    @property
    def spark_uri(self) -> str:
        """The URI for Spark, which looks for paths without a scheme on the cluster's default file system."""
        return f"file://{self._root}" if self.is_local else self.uri

    def make(self, *names: str) -> str:
        """A folder below it, made if need be."""
        self._files.create_dir("/".join((self._root, *names)), recursive=True)
        return "/".join((self._root if self.is_local else self.uri, *names))

    def put(self, source: Path, *names: str) -> str:
        """Copies a file of the driver's to below it; the path or URI."""
        folder = self.make(*names[:-1])
        pafs.copy_files(str(source), "/".join((self._root, *names)), destination_filesystem=self._files)
        return f"{folder}/{names[-1]}"

    def parquet_files(self, *names: str) -> list[str]:
        """The Parquet files at any depth below a folder of it, sorted."""
        inner = "/".join((self._root, *names))
        found = self._files.get_file_info(pafs.FileSelector(inner, recursive=True))
        base, root = self._root if self.is_local else self.uri, self._root.strip("/")
        # File systems differ in what they put before the root: nothing, a slash, or their own name.
        return sorted(base + each.path.partition(root)[2] for each in found if each.path.endswith(".parquet"))

    def remove(self, *names: str) -> None:
        """Removes a folder below it, or all of it."""
        path = "/".join((self._root, *names))
        if self._files.get_file_info(path).type == pafs.FileType.Directory:
            self._files.delete_dir(path)


def check_no_writer(objects: Objects, database: Database, table: str, mark: str) -> None:
    """Raises `AppError` 82 if the job that marked a table is at work."""
    job_id = mark.partition(" ")[2]
    if job_id and not objects.is_left_by(job_id):
        text = f"{job_id} is writing to table {table} of database {database.name}"
        raise AppError(Rule.TABLE_DIFFERS, text, "Run this job again when that one has ended.")


def check_is_whole(objects: Objects, database: Database, table: str, mark: str) -> None:
    """Raises `AppError` 82 for a table that may be incomplete: a job writes to it, or was killed while it did."""
    check_no_writer(objects, database, table, mark)
    done, _, job_id = mark.partition(" ")
    if job_id and done != "replace":
        text = (
            f"{job_id} ended while it wrote to table {table} of database {database.name}: some of its rows may be there"
        )
        raise AppError(Rule.TABLE_DIFFERS, text, "Load the whole table again, with insert_mode overwrite.")


class DxStaging(Staging):
    """`Staging` of a job on the platform. A reader sees new tables before the record, and the Dataset only with the record.

    Order of a publish: all tables marked, then written, files and descriptor, the marks taken off, the record. Until the
    marks are off, a later job that wants the name of a new table or database removes what a killed job left.
    """

    def __init__(self, objects: Objects, metastore: Metastore, shared: SharedFolder, database: Database | None) -> None:
        super().__init__(database)
        self._objects = objects
        self._metastore = metastore
        self._shared = shared

    def _make_folder(self, kind: str, name: str) -> str:
        return self._shared.make(kind, name)

    def publish(
        self, tables: Sequence[TableChange], record: RecordDraft | None, files: Mapping[str, Path]
    ) -> Published:
        claimed: list[TableChange] = []
        written: list[TableChange] = []
        descriptor = ""
        try:
            if tables:
                self._claim_database()
            written += [change for change in tables if self._make_way(change)]
            for change in tables:
                if change.files or change.mode in ("overwrite", "remove"):
                    self._metastore.claim_table(self.database, change, self._folder(change), self._objects.job_id)
                    claimed.append(change)
            for change in claimed:
                written.append(change)
                self._metastore.write_table(self.database, change, self._folder(change), self._objects.job_id)
            uploaded = {output: self._objects.upload(path) for output, path in files.items()}
            descriptor = self._objects.upload_descriptor(record) if record else ""
            if tables or record:
                self._release(claimed)
            record_id = self._objects.make_record(record, descriptor) if record else None
        except BaseException:
            if record and descriptor and self._was_made(record, descriptor):
                self.has_published = True
            else:
                self._take_back(claimed, written)
            raise
        self.has_published = self.has_published or bool(tables or record)
        return Published(record_id, uploaded)

    def _claim_database(self) -> None:
        """Marks a standing database that a killed job made, so that no later job removes what we publish in it. Raises
        `AppError` 80 if a running job makes it."""
        maker = self._metastore.database_mark(self.database)
        if maker in ("", self._objects.job_id):
            return
        if not self._objects.is_left_by(maker):
            text = f"{maker} is making the database {self.database.name} now: {self.database.id}"
            raise AppError(Rule.DATABASE, text, "Wait for it to end, or give another database.")
        self._metastore.mark_database(self.database, self._objects.job_id)

    def _make_way(self, change: TableChange) -> bool:
        """Removes a table that a killed job left in the place of a new one; returns whether a killed job left the table to
        overwrite. Raises `AppError` 81 if the table was published, 82 if another job writes to it or was killed while it
        appended."""
        mark = self._metastore.table_mark(self.database, change.table)
        if mark is None:
            return False
        check_no_writer(self._objects, self.database, change.table, mark)
        if change.mode == "new":
            if not mark.startswith("new "):
                raise AppError(Rule.TABLE_EXISTS, f"database {self.database.name} already has table {change.table}")
            self._metastore.drop_table(self.database, change.table)
        elif change.mode == "append":
            check_is_whole(self._objects, self.database, change.table, mark)
        return change.mode == "overwrite" and bool(mark)

    def _folder(self, change: TableChange) -> str:
        return f"{self._shared.spark_uri}/tables/{change.table}"

    def _release(self, tables: Sequence[TableChange]) -> None:
        if self._database:
            for change in tables:
                if change.mode != "remove":
                    self._metastore.release_table(self._database, change.table)
            if self._metastore.database_mark(self._database):
                self._metastore.release_database(self._database)

    def _was_made(self, record: RecordDraft, descriptor: str) -> bool:
        """Whether the record exists although making it failed, as when the answer was lost; True if that is unknown."""
        try:
            return self._objects.has_record(record, descriptor)
        except AppError:
            return True

    def _take_back(self, claimed: Sequence[TableChange], written: Sequence[TableChange]) -> None:
        """Removes the new tables of a failed publish. Rows added to standing tables cannot be removed: these tables keep
        their mark, so that no job adds to them unawares. A table to replace is whole."""
        for change in claimed:
            with suppress(AppError):
                if change.mode == "new":
                    self._metastore.drop_table(self.database, change.table)
                elif change.mode == "replace" or change not in written:
                    self._metastore.release_table(self.database, change.table)

    def close(self) -> None:
        self._shared.remove()
