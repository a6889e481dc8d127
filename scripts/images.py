#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the container images from what was built, without a registry and without a container engine.

images.py [--build DIRECTORY] [--output DIRECTORY] [NAME...]

NAME is weir-init, weir-proxy or weir (all programs); without one, all three. Each becomes DIRECTORY/NAME.tar, an OCI image
layout that `podman load -i`, `ctr images import`, `skopeo copy oci-archive:` and `docker load -i` read. An image holds the
programs, stripped, the shared libraries that they need, two files of users, and a list of what it is made of (SPDX); no shell.
The same build gives the same bytes: files are sorted, belong to root, and carry the time of $SOURCE_DATE_EPOCH, or of the
commit, or 0.
"""

import argparse
import dataclasses
import functools
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROXY_UID = 1337
CXX_LIBRARY = "libstdc++"  # cxx_library_package() says whose, which depends on the compiler
# Where a program is in the build, and the Debian packages whose archives are linked into it.
STATIC_BASE = ["libc6-dev", CXX_LIBRARY]
PROGRAMS = {
    "weir-init": ("init/weir-init", [CXX_LIBRARY, "libnftnl-dev", "libyaml-dev"]),
    "weir-proxy": (
        "proxy/weir-proxy",
        [
            *STATIC_BASE,
            *("libasio-dev", "libc-ares-dev", "libcli11-dev", "libluajit-5.1-dev", "libnghttp2-dev"),
            *("libprotobuf-dev", "libre2-dev", "libspdlog-dev", "libyaml-cpp-dev", "node-llhttp"),
        ],
    ),
    "weirctl": ("ctl/weirctl", [*STATIC_BASE, "libasio-dev", "libcli11-dev", "libyaml-dev"]),
    "weir-control": (
        "control/weir-control",
        ["libasio-dev", "libcli11-dev", "libprotobuf-dev", "libspdlog-dev", "libyaml-cpp-dev", "libyaml-dev"],
    ),
}


@dataclasses.dataclass(frozen=True)
class Image:
    """What an image is made of; user is "uid:gid"."""

    programs: tuple[str, ...]
    user: str
    entrypoint: tuple[str, ...]
    environment: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()


IMAGES = {
    "weir-init": Image(("weir-init",), "0:0", ("/usr/local/bin/weir-init",)),
    "weir-proxy": Image(
        ("weir-proxy", "weirctl"),
        f"{PROXY_UID}:{PROXY_UID}",
        ("/usr/local/bin/weir-proxy",),
        ("WEIR_DEFAULT_CONFIG=/etc/envoy/envoy.yaml",),
        (("usr/local/bin/envoy", "weir-proxy"),),
    ),
    "weir": Image(tuple(PROGRAMS), f"{PROXY_UID}:{PROXY_UID}", ()),
}

PASSWD = f"root:x:0:0:root:/:/\nweir:x:{PROXY_UID}:{PROXY_UID}:weir:/:/\nnobody:x:65534:65534:nobody:/:/\n"
GROUP = f"root:x:0:\nweir:x:{PROXY_UID}:\nnogroup:x:65534:\n"


class Failure(Exception):
    """What is wrong, in a line for a person."""


def run(*argv: str) -> str:
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{' '.join(argv)}: {done.stderr.strip() or 'exit ' + str(done.returncode)}")
    return done.stdout


def source_time() -> int:
    """Seconds since 1970 that every file carries."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        if not given.isdigit():
            raise Failure(f"SOURCE_DATE_EPOCH '{given}': expected seconds since 1970")
        return int(given)
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)
    return int(done.stdout) if done.returncode == 0 and done.stdout.strip() else 0


def version() -> str:
    found = re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text())
    if not found:
        raise Failure("meson.build: no version")
    return found[1]


def stripped(program: pathlib.Path) -> bytes:
    if not program.is_file():
        raise Failure(f"'{program}': not there; build it first: scripts/build.sh demo")
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "program")
        run("strip", "-o", str(out), str(program))
        return out.read_bytes()


def shared_libraries(program: pathlib.Path) -> list[pathlib.Path]:
    """What the loader maps for it, the loader included; nothing for a static program."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    if "statically linked" in done.stdout or "not a dynamic executable" in done.stdout + done.stderr:
        return []
    if done.returncode != 0 or "not found" in done.stdout:
        raise Failure(f"'{program}': {(done.stdout + done.stderr).strip()}")
    return [pathlib.Path(path) for path in re.findall(r"(/\S+) \(0x", done.stdout)]


@functools.cache
def architecture() -> str:
    """This machine's, by the name that images have for it (GOARCH), which differs from Debian's for few."""
    debian = run("dpkg", "--print-architecture").strip()
    return {"armhf": "arm", "i386": "386", "ppc64el": "ppc64le"}.get(debian, debian)


def package_of(library: pathlib.Path) -> str:
    """The Debian package that a file is from. /lib may be a link to /usr/lib: the package knows one of the two names."""
    names = {str(library), str(library.resolve()), str(library.resolve()).removeprefix("/usr")}
    for name in sorted(names):
        done = subprocess.run(["dpkg", "-S", name], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.split(":")[0]
    raise Failure(f"'{library}': no Debian package has it")


@functools.cache
def cxx_library_package() -> str:
    """The package of the C++ library's archive."""
    return package_of(pathlib.Path(run("g++", "-print-file-name=libstdc++.a").strip()))


def bill_of_materials(name: str, packages: set[str], created: int) -> bytes:
    """SPDX 2.3: the image, and each Debian package of which a part is in it."""
    rows = [("weir", version())]
    for line in run("dpkg-query", "-W", "-f", "${Package} ${Version}\\n", *sorted(packages)).splitlines():
        rows.append(tuple(line.split(" ", 1)))
    rows = sorted(set(rows))
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"{name}-{version()}",
        "documentNamespace": f"https://spdx.org/spdxdocs/{name}-{version()}-{hashlib.sha256(repr(rows).encode()).hexdigest()}",
        "creationInfo": {
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(created)),
            "creators": ["Tool: weir-images"],
        },
        "packages": [
            {
                "name": package,
                "SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", package),
                "versionInfo": number,
                "downloadLocation": "NOASSERTION",
                "filesAnalyzed": False,
                **({"licenseDeclared": "Apache-2.0"} if package == "weir" else {}),
            }
            for package, number in rows
        ],
        "relationships": [
            {
                "spdxElementId": "SPDXRef-DOCUMENT",
                "relationshipType": "DESCRIBES",
                "relatedSpdxElement": "SPDXRef-weir",
            }
        ],
    }
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def contents(name: str, image: Image, build: pathlib.Path, created: int) -> dict[str, tuple[int, bytes]]:
    """path in the image → mode and bytes."""
    files = {"etc/passwd": (0o644, PASSWD.encode()), "etc/group": (0o644, GROUP.encode())}
    packages: set[str] = set()
    for program in image.programs:
        path, archives = PROGRAMS[program]
        files[f"usr/local/bin/{program}"] = (0o755, stripped(build / path))
        packages.update(cxx_library_package() if one == CXX_LIBRARY else one for one in archives)
        for library in shared_libraries(build / path):
            files[str(library).lstrip("/")] = (0o755, library.read_bytes())
            packages.add(package_of(library))
    files["usr/share/sbom/" + name + ".spdx.json"] = (0o644, bill_of_materials(name, packages, created))
    return files


def layer(files: dict[str, tuple[int, bytes]], links: tuple[tuple[str, str], ...], created: int) -> bytes:
    """A tar of the files, their folders and links; the same bytes for the same input."""
    folders = {str(parent) for path in [*files, *dict(links)] for parent in pathlib.PurePath(path).parents}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:

        def add(path: str, kind: bytes, mode: int, data: bytes = b"", target: str = "") -> None:
            info = tarfile.TarInfo(path)
            info.type, info.mode, info.size, info.linkname, info.mtime = kind, mode, len(data), target, created
            tar.addfile(info, io.BytesIO(data))

        for folder in sorted(folders - {"."}):
            add(folder, tarfile.DIRTYPE, 0o755)
        for path, (mode, data) in sorted(files.items()):
            add(path, tarfile.REGTYPE, mode, data)
        for path, target in sorted(links):
            add(path, tarfile.SYMTYPE, 0o777, target=target)
    return out.getvalue()


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def as_json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def configuration(image: Image, layer_digest: str, created: int) -> bytes:
    config = {
        "User": image.user,
        "WorkingDir": "/",
        "Env": ["PATH=/usr/local/bin", *image.environment],
        "Labels": {"org.opencontainers.image.title": "Weir", "org.opencontainers.image.version": version()},
    }
    if image.entrypoint:
        config["Entrypoint"] = list(image.entrypoint)
    return as_json(
        {
            "architecture": architecture(),
            "os": "linux",
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(created)),
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
            "history": [{"created_by": "scripts/images.py"}],
        }
    )


def descriptor(kind: str, data: bytes, **more: object) -> dict:
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest(data), "size": len(data), **more}


def archive(name: str, image: Image, build: pathlib.Path, created: int) -> tuple[bytes, str, int]:
    """The image as an OCI layout in a tar, its manifest's digest, and the size of its files."""
    files = contents(name, image, build, created)
    raw = layer(files, image.links, created)
    # No name and no time in the header; level and library decide the bytes, so both builds need the same zlib.
    packed = gzip.compress(raw, compresslevel=6, mtime=0)
    config = configuration(image, digest(raw), created)
    manifest = as_json(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("config.v1+json", config),
            "layers": [descriptor("layer.v1.tar+gzip", packed)],
        }
    )
    reference = f"localhost/{name}:{version()}"
    index = as_json(
        {
            "schemaVersion": 2,
            "manifests": [
                descriptor(
                    "manifest.v1+json", manifest, annotations={"org.opencontainers.image.ref.name": reference}
                )
            ],
        }
    )

    def blob(data: bytes) -> str:
        return "blobs/sha256/" + hashlib.sha256(data).hexdigest()

    docker = as_json([{"Config": blob(config), "RepoTags": [reference], "Layers": [blob(packed)]}])
    parts = {blob(data): (0o644, data) for data in (config, manifest, packed)}
    parts |= {"index.json": (0o644, index), "oci-layout": (0o644, b'{"imageLayoutVersion":"1.0.0"}')}
    parts["manifest.json"] = (0o644, docker)  # what docker load reads
    return layer(parts, (), created), digest(manifest), sum(len(data) for _, data in files.values())


def main() -> int:
    parser = argparse.ArgumentParser(description="Makes container images from a build, without a registry.")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="what scripts/build.sh made (build)")
    parser.add_argument("--output", type=pathlib.Path, help="where NAME.tar goes (BUILD/images)")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(IMAGES)} (all)")
    arguments = parser.parse_args()
    output = arguments.output or arguments.build / "images"
    created = source_time()
    for name in arguments.names or IMAGES:
        if name not in IMAGES:
            raise Failure(f"image '{name}': expected one of {', '.join(IMAGES)}")
        data, manifest_digest, size = archive(name, IMAGES[name], arguments.build, created)
        output.mkdir(parents=True, exist_ok=True)
        (output / f"{name}.tar").write_bytes(data)
        print(f"{output / name}.tar: {size / 1e6:.1f} MB of files, {len(data) / 1e6:.1f} MB packed, {manifest_digest}")
    return 0


try:
    sys.exit(main())
except Failure as failure:
    print(f"images.py: {failure}", file=sys.stderr)
    sys.exit(1)
