"""What tests download or make once, kept between runs: jars of Kafka, the registry and clients, by Maven; Kafka's
classes as they were loaded.

The folder is HEADWATER_TEST_CACHE, else ~/.cache/headwater-tests. Two sessions that start at once wait for one
another on a lock file, and a folder appears whole or not at all.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

KAFKA_VERSION = "4.1.0"
#: The binding that is in use by Kafka's own API level; it writes warnings to stderr, which a silent one would hide.
SLF4J_VERSION = "1.7.36"
REGISTRY_VERSION = "2.6.13.Final"
_DOWNLOAD_SECONDS = 600

_POM = """\
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>headwater</groupId><artifactId>test-kafka</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{kafka}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>{slf4j}</version>
    </dependency>
  </dependencies>
</project>
"""


class NoTools(RuntimeError):
    """Java or Maven is not there, or Maven could not download; one line that says which."""


def cache_folder() -> Path:
    """The cache's folder, made where it is not there."""
    named = os.environ.get("HEADWATER_TEST_CACHE")
    folder = Path(named) if named else Path.home() / ".cache" / "headwater-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def java() -> str:
    """Path of `java`. Raises NoTools."""
    path = shutil.which("java")
    if path is None:
        raise NoTools("no java on the PATH (Kafka needs Java 17)")
    return path


def kafka_jars() -> Path:
    """The folder with Kafka's jars. Raises NoTools."""
    java()

    def download(folder: Path) -> None:
        (folder / "pom.xml").write_text(_POM.format(kafka=KAFKA_VERSION, slf4j=SLF4J_VERSION), "utf-8")
        _maven(folder, "dependency:copy-dependencies", f"-DoutputDirectory={folder / 'lib'}")

    return once(f"kafka-{KAFKA_VERSION}-simple", download) / "lib"


def kafka_classes(make: Callable[[Path], None]) -> Path:
    """Kafka's classes as this machine's Java has them loaded, made by `make` where they are not there: a broker that
    maps them starts in half the time. Raises NoTools.
    """
    version = subprocess.run([java(), "-version"], capture_output=True, text=True, timeout=60, check=True).stderr
    named = hashlib.sha256(version.encode()).hexdigest()[:12]
    return once(f"kafka-{KAFKA_VERSION}-classes-{named}", make)


def registry_jar() -> Path:
    """The registry's runner, with its `lib` folder beside it. Raises NoTools."""
    java()

    def download(folder: Path) -> None:
        artifact = f"io.apicurio:apicurio-registry-app:{REGISTRY_VERSION}:tar.gz:all"
        _maven(folder, "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}")
        (archive,) = folder.glob("*.tar.gz")
        shutil.unpack_archive(archive, folder, filter="data")
        archive.unlink()

    (runner,) = once(f"apicurio-{REGISTRY_VERSION}", download).rglob("*-runner.jar")
    return runner


def jar(artifact: str) -> Path:
    """One artifact without what it needs; as Maven names it: group:name:version. Raises NoTools."""
    java()

    def download(folder: Path) -> None:
        _maven(folder, "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}")

    (found,) = once("jar-{1}-{2}".format(*artifact.split(":")), download).glob("*.jar")
    return found


def _maven(folder: Path, *arguments: str) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise NoTools("no mvn on the PATH (Maven downloads Kafka, the registry and other jars)")
    done = subprocess.run(
        [maven, "-q", "-B", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_DOWNLOAD_SECONDS,
        check=False,
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise NoTools(f"mvn {arguments[0]} failed: {said[0] if said else done.returncode}")


def once(name: str, fill: Callable[[Path], None]) -> Path:
    """The cached folder `name`, filled by `fill` where it is not there yet."""
    folder = cache_folder() / name
    if folder.is_dir():
        return folder
    with _locked(cache_folder() / f"{name}.lock"):
        if not folder.is_dir():
            parts = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=cache_folder()))
            try:
                fill(parts)
                parts.rename(folder)
            except BaseException:
                shutil.rmtree(parts, ignore_errors=True)
                raise
    return folder


@contextlib.contextmanager
def _locked(path: Path) -> Generator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
