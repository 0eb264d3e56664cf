"""npm packages, fetched without npm: one pinned version, checked, of which only the needed files are cached."""

from __future__ import annotations

import base64
import tarfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from fast_style.errors import UNSET, DataError, MissingPackageError, WriteError, reason_of
from fast_style.system.downloads import check_url, digest_of, fetch
from fast_style.system.files import atomic_write
from fast_style.system.paths import cache_folder

REGISTRY = "https://registry.npmjs.org"


@dataclass(frozen=True)
class NpmFile:
    """One file of a package.

    Attributes:
        path: the path inside the package.
        bytes: the size.
        sha256: the checksum, in hexadecimal.
    """

    path: str
    bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """The file's name without its folders."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def integrity(self) -> str:
        """The checksum in the form of the `integrity` attribute of HTML."""
        return sha256_integrity(self.sha256)


def sha256_integrity(digest: str) -> str:
    """Returns a hexadecimal SHA-256 in the form of HTML's `integrity` attribute: `sha256-` and base64."""
    return "sha256-" + base64.b64encode(bytes.fromhex(digest)).decode()


@dataclass(frozen=True)
class NpmPackage:
    """One version of a package.

    Attributes:
        name: the name at npm.
        version: the pinned version.
        integrity: npm's SHA-512 of the tarball, as `sha512-` and base64.
        files: the files that are kept.
    """

    name: str
    version: str
    integrity: str
    files: tuple[NpmFile, ...]

    @property
    def tarball(self) -> str:
        """The address of the package at npm."""
        return f"{REGISTRY}/{self.name}/-/{self.name}-{self.version}.tgz"

    @property
    def folder(self) -> Path:
        """The folder that the files are installed in; it may not exist."""
        return cache_folder() / f"{self.name}-{self.version}"

    def check_installed(self) -> Path:
        """Returns the folder of the files, once the checksum of each has been verified.

        Raises:
            MissingPackageError: A file is missing or damaged.
        """
        for file in self.files:
            path = self.folder / file.name
            if not path.is_file():
                raise MissingPackageError(f"{self.name} {self.version} is not installed in {self.folder}")
            if digest_of(path, "sha256") != file.sha256:
                raise MissingPackageError(f"{path}: not the file of {self.name} {self.version} (another SHA-256)")
        return self.folder

    def install(self, *, url: str | None = None, console: Console, quiet: bool) -> Path:
        """Fetches the package, checks it, and keeps its files; does nothing where they are already installed.

        Args:
            url: The address of the tarball where it isn't npm's own: http, https or file. The checksum must be the
                pinned one all the same.
            console: Where progress is shown.
            quiet: Shows no progress.

        Returns:
            The folder that holds the files.

        Raises:
            DataError: There is no connection, or the file is not the pinned one.
            WriteError: The cache folder can't be written to.
        """
        try:
            return self.check_installed()
        except MissingPackageError:
            pass
        address = url or self.tarball
        check_url(address)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WriteError(
                f"cannot write {self.folder} ({reason_of(error)})", remedy="choose another place with FAST_STYLE_CACHE"
            ) from error
        tarball = self.folder / "package.tgz"
        checksum = base64.b64decode(self.integrity.removeprefix("sha512-")).hex()
        fetch(address, tarball, checksum, algorithm="sha512", console=console, quiet=quiet)
        try:
            with tarfile.open(tarball) as archive:
                for file in self.files:
                    member = archive.extractfile(f"package/{file.path}")
                    if member is None:
                        raise KeyError(f"{file.path} is not a file")
                    with atomic_write(self.folder / file.name) as temporary:
                        temporary.write_bytes(member.read())
        except (tarfile.TarError, KeyError, EOFError) as error:
            raise DataError(
                f"{address}: lacks files of {self.name} ({reason_of(error)})",
                remedy="check {url}",
                suggestions={"url": UNSET},
            ) from error
        tarball.unlink(missing_ok=True)
        return self.check_installed()
