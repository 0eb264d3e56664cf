"""Packages of npm, without npm: one pinned version, fetched and checked, its needed files kept in the cache."""

from __future__ import annotations

import base64
import tarfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from fast_style.errors import DataError, WebError, first_line
from fast_style.system.downloads import check_url, digest_of, fetch
from fast_style.system.files import atomic_write
from fast_style.system.paths import cache_folder

REGISTRY = "https://registry.npmjs.org"


@dataclass(frozen=True)
class NpmFile:
    """One file of a package: its path inside it, its size in bytes, its SHA-256 in hexadecimal."""

    path: str
    bytes: int
    sha256: str

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def integrity(self) -> str:
        """The SHA-256 as browsers want it."""
        return sha256_integrity(self.sha256)


def sha256_integrity(digest: str) -> str:
    """A SHA-256 in hexadecimal as browsers want it: `sha256-` and base64."""
    return "sha256-" + base64.b64encode(bytes.fromhex(digest)).decode()


@dataclass(frozen=True)
class NpmPackage:
    """A version of a package, and those of its files that are kept; `integrity` is npm's SHA-512 of the tarball."""

    name: str
    version: str
    integrity: str
    files: tuple[NpmFile, ...]

    @property
    def tarball(self) -> str:
        return f"{REGISTRY}/{self.name}/-/{self.name}-{self.version}.tgz"

    @property
    def folder(self) -> Path:
        """Where the files are installed; it may not exist."""
        return cache_folder() / f"{self.name}-{self.version}"

    def check_installed(self) -> Path:
        """The folder that holds every file, each with its checksum.

        Raises:
            WebError: not installed, or damaged.
        """
        for file in self.files:
            path = self.folder / file.name
            if not path.is_file():
                raise WebError(f"{self.name} {self.version} is not installed in {self.folder}")
            if digest_of(path, "sha256") != file.sha256:
                raise WebError(f"{path}: not the file of {self.name} {self.version} (another SHA-256)")
        return self.folder

    def install(self, *, url: str | None = None, console: Console, quiet: bool) -> Path:
        """Fetches the package, checks it, and keeps its files. Does nothing where they are.

        Args:
            url: of the tarball, if not npm's own: http, https or file. Its checksum has to be the same.

        Returns:
            The folder they are in.

        Raises:
            DataError: no connection, or another file than the pinned one.
            WebError, FastStyleError: the cache folder can't be written to.
        """
        try:
            return self.check_installed()
        except WebError:
            pass
        address = url or self.tarball
        check_url(address)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WebError(
                f"cannot write {self.folder} ({error.strerror}); choose another place with FAST_STYLE_CACHE"
            ) from error
        packed = self.folder / "package.tgz"
        checksum = base64.b64decode(self.integrity.removeprefix("sha512-")).hex()
        fetch(address, packed, checksum, algorithm="sha512", console=console, quiet=quiet)
        try:
            with tarfile.open(packed) as archive:
                for file in self.files:
                    member = archive.extractfile(f"package/{file.path}")
                    assert member is not None
                    with atomic_write(self.folder / file.name) as temporary:
                        temporary.write_bytes(member.read())
        except (tarfile.TarError, KeyError, EOFError) as error:
            raise DataError(f"{address}: lacks files of {self.name} ({first_line(error)}); check --url") from error
        packed.unlink(missing_ok=True)
        return self.check_installed()
