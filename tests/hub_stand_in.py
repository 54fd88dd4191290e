"""A model hub on the loopback, real enough for the huggingface_hub client, that misbehaves on demand.

It knows repositories (public and private), the preupload question, LFS batches with one or several parts,
commits, file trees, and downloads with ranges and redirects. Blobs are kept in memory by hash.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Repo:
    """A repository: files by path (as blob hashes), commits in order."""

    private: bool = False
    card: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    large: set[str] = field(default_factory=set)
    commits: list[str] = field(default_factory=list)

    @property
    def head(self) -> str:
        return hashlib.sha1(str([self.commits, sorted(self.files.items())]).encode()).hexdigest()


class Hub:
    """Serves repositories to whoever shows `token` (reading a public one needs none).

    `breaks` makes so many PUTs of large files break the connection half way, `room` refuses what would be
    more bytes; `part_size` splits larger files; `requests` remembers (method, path) of everything, `stored`
    the size of each blob that was sent.
    """

    def __init__(self, token: str = "hf_standInTokenForTests") -> None:
        self.token = token
        self.repos: dict[str, Repo] = {}
        self.blobs: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.breaks = 0
        self.room: int | None = None
        self.part_size: int | None = None
        self.requests: list[tuple[str, str]] = []
        self.stored: list[int] = []
        self.lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.answer(self)

            do_HEAD = do_POST = do_PUT = do_GET

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.elsewhere = f"http://localhost:{self._server.server_port}"  # a hub's storage is another host
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def file(self, repo: str, path: str) -> bytes:
        """The bytes of a file at the head of a repository."""
        return self.blobs[self.repos[repo].files[path]]

    def put(self, repo: str, files: dict[str, bytes], **card: Any) -> Repo:
        """A public repository with files, as if somebody had uploaded them; models' weights and databases as LFS."""
        place = self.repos.setdefault(repo, Repo())
        place.card |= card
        for name, data in files.items():
            digest = hashlib.sha256(data).hexdigest()
            self.blobs[digest] = data
            place.files[name] = digest
            if name.endswith((".safetensors", ".gguf", ".sqlite", ".zip", ".parquet")):
                place.large.add(name)
        return place

    # --- routing

    def answer(self, http: BaseHTTPRequestHandler) -> None:
        path = unquote(urlsplit(http.path).path)
        self.requests.append((http.command, path))
        signed = http.headers.get("Authorization") == f"Bearer {self.token}"
        for method, pattern, action, needs_token in self.ROUTES:
            found = re.fullmatch(pattern, path)
            if found and http.command in method.split():
                if needs_token and not signed:
                    body(http)
                    reply(http, 401, {"error": "Invalid username or password."})
                    return
                repo = found.groupdict().get("repo")
                if repo is not None:
                    known = self.repos.get(repo)
                    if known is None or known.private and not signed:
                        body(http)
                        reply(http, 404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
                        return
                action(self, http, **found.groupdict())
                return
        body(http)
        reply(http, 404, {"error": f"no such route: {path}"})

    def create(self, http: BaseHTTPRequestHandler) -> None:
        wish = json.loads(body(http))
        name = f"{wish['organization']}/{wish['name']}"
        if name in self.repos:
            reply(http, 409, {"error": "You already created this model repo", "url": f"{self.url}/{name}"})
            return
        self.repos[name] = Repo(private=wish.get("visibility") == "private" or bool(wish.get("private")))
        address = f"{self.url}/spaces/{name}" if wish.get("type") == "space" else f"{self.url}/{name}"
        reply(http, 200, {"url": address, "name": name, "id": "1"})

    def settings(self, http: BaseHTTPRequestHandler, repo: str) -> None:
        wish = json.loads(body(http))
        self.repos[repo].private = wish.get("visibility") == "private" or bool(wish.get("private"))
        reply(http, 200, {})

    def validate(self, http: BaseHTTPRequestHandler) -> None:
        text = json.loads(body(http))["content"]
        good = text.startswith("---\n") and "\n---\n" in text[4:]
        problems = [] if good else [{"message": "no metadata"}]
        reply(http, 200 if good else 400, {"errors": problems, "warnings": []})

    def preupload(self, http: BaseHTTPRequestHandler, repo: str) -> None:
        found = []
        for file in json.loads(body(http))["files"]:
            large = file["size"] > 10_000 or file["path"].endswith((".gguf", ".safetensors"))
            digest = self.repos[repo].files.get(file["path"])
            if digest and not large:
                data = self.blobs[digest]
                digest = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
            mode = "lfs" if large else "regular"
            found.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": digest})
        reply(http, 200, {"files": found})

    def batch(self, http: BaseHTTPRequestHandler, repo: str) -> None:
        objects = []
        for item in json.loads(body(http))["objects"]:
            oid, size = item["oid"], item["size"]
            answer: dict[str, Any] = {"oid": oid, "size": size}
            if oid not in self.blobs:
                upload: dict[str, Any] = {"href": f"{self.url}/upload/{oid}"}
                if self.part_size and size > self.part_size:
                    count = -(-size // self.part_size)
                    upload["href"] = f"{self.url}/complete/{oid}"
                    upload["header"] = {"chunk_size": str(self.part_size)}
                    upload["header"] |= {str(n): f"{self.url}/part/{oid}/{n}" for n in range(1, count + 1)}
                answer["actions"] = {"upload": upload, "verify": {"href": f"{self.url}/verify/{oid}"}}
            objects.append(answer)
        reply(http, 200, {"transfer": "basic", "objects": objects})

    def upload(self, http: BaseHTTPRequestHandler, oid: str, number: str | None = None) -> None:
        with self.lock:
            breaking = self.breaks > 0
            self.breaks -= breaking
        if breaking:
            http.rfile.read(min(1000, int(http.headers.get("Content-Length") or 1000)))
            http.close_connection = True
            return
        data = body(http)
        if self.room is not None and sum(self.stored) + len(data) > self.room:
            reply(http, 507, {"error": "no room"})
            return
        self.stored.append(len(data))
        if number is None:
            assert hashlib.sha256(data).hexdigest() == oid
            self.blobs[oid] = data
        else:
            self.parts.setdefault(oid, {})[int(number)] = data
        reply(http, 200, {}, {"ETag": f'"{hashlib.md5(data).hexdigest()}"'})

    def complete(self, http: BaseHTTPRequestHandler, oid: str) -> None:
        wanted = [part["partNumber"] for part in json.loads(body(http))["parts"]]
        data = b"".join(self.parts[oid][number] for number in wanted)
        assert hashlib.sha256(data).hexdigest() == oid
        self.blobs[oid] = data
        reply(http, 200, {})

    def verify(self, http: BaseHTTPRequestHandler, oid: str) -> None:
        item = json.loads(body(http))
        good = oid in self.blobs and len(self.blobs[oid]) == item["size"]
        reply(http, 200 if good else 422, {})

    def commit(self, http: BaseHTTPRequestHandler, repo: str) -> None:
        place = self.repos[repo]
        for line in body(http).splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "header":
                place.commits.append(value["summary"])
            elif item["key"] == "file":
                data = base64.b64decode(value["content"])
                digest = hashlib.sha256(data).hexdigest()
                self.blobs[digest] = data
                place.files[value["path"]] = digest
            elif item["key"] == "lfsFile":
                assert value["oid"] in self.blobs
                place.files[value["path"]] = value["oid"]
                place.large.add(value["path"])
        head = place.head
        reply(
            http, 200, {"success": True, "commitOid": head, "commitUrl": f"{self.url}/{repo}/commit/{head}"}
        )

    def info(self, http: BaseHTTPRequestHandler, repo: str) -> None:
        place = self.repos[repo]
        files = [{"rfilename": path} for path in sorted(place.files)]
        known = {"id": repo, "modelId": repo, "sha": place.head, "private": place.private, "siblings": files}
        known["cardData"] = place.card
        reply(http, 200, known)

    def tree(self, http: BaseHTTPRequestHandler, repo: str, folder: str | None = None) -> None:
        files = [path for path in self.repos[repo].files if folder is None or path.startswith(f"{folder}/")]
        if folder is not None and not files:
            reply(http, 404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"})
            return
        reply(http, 200, self.entries(repo, files))

    def paths_info(self, http: BaseHTTPRequestHandler, repo: str) -> None:
        raw = body(http).decode()
        asked = json.loads(raw)["paths"] if raw.startswith("{") else parse_qs(raw)["paths"]
        reply(http, 200, self.entries(repo, [path for path in asked if path in self.repos[repo].files]))

    def entries(self, repo: str, files: list[str]) -> list[dict[str, Any]]:
        """What the hub says of files in a listing."""
        place = self.repos[repo]
        found = []
        for path in sorted(files):
            digest = place.files[path]
            data = self.blobs[digest]
            entry: dict[str, Any] = {
                "type": "file",
                "path": path,
                "oid": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest(),
                "size": len(data),
            }
            if path in place.large:
                entry["lfs"] = {"oid": digest, "size": entry["size"], "pointerSize": 130}
            found.append(entry)
        return found

    def resolve(self, http: BaseHTTPRequestHandler, repo: str, path: str) -> None:
        place = self.repos[repo]
        if path not in place.files:
            reply(http, 404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"})
            return
        digest = place.files[path]
        about = {"X-Repo-Commit": place.head, "ETag": f'"{digest}"'}
        if path in place.large:
            about |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(self.blobs[digest]))}
            reply(http, 302, b"", {**about, "Location": f"{self.elsewhere}/storage/{digest}"})
        else:
            self.send(http, self.blobs[digest], about)

    def storage(self, http: BaseHTTPRequestHandler, oid: str) -> None:
        assert "Authorization" not in http.headers, "the token followed a redirect to the storage"
        self.send(http, self.blobs[oid], {"ETag": f'"{oid}"'})

    def send(self, http: BaseHTTPRequestHandler, data: bytes, headers: dict[str, str]) -> None:
        asked = http.headers.get("Range")
        if asked is None:
            reply(http, 200, data, {**headers, "Accept-Ranges": "bytes"})
            return
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start, stop = int(first), int(last) + 1 if last else len(data)
        span = f"bytes {start}-{stop - 1}/{len(data)}"
        reply(http, 206, data[start:stop], {**headers, "Content-Range": span})

    REPO = r"(?P<repo>[^/]+/[^/]+)"
    KIND = r"(?:models|spaces|datasets)"
    ROUTES: tuple[tuple[str, str, Any, bool], ...] = (
        ("POST", r"/api/repos/create", create, True),
        ("POST", r"/api/validate-yaml", validate, False),
        ("PUT", rf"/api/{KIND}/{REPO}/settings", settings, True),
        ("POST", rf"/api/{KIND}/{REPO}/preupload/[^/]+", preupload, True),
        ("POST", rf"/api/{KIND}/{REPO}/commit/[^/]+", commit, True),
        ("GET HEAD", rf"/api/{KIND}/{REPO}/tree/[^/]+(?:/(?P<folder>.+))?", tree, False),
        ("POST", rf"/api/{KIND}/{REPO}/paths-info/[^/]+", paths_info, False),
        ("GET HEAD", rf"/api/{KIND}/{REPO}(?:/revision/[^/]+)?", info, False),
        ("POST", rf"/(?:spaces/)?{REPO}\.git/info/lfs/objects/batch", batch, True),
        ("PUT", r"/upload/(?P<oid>\w+)", upload, False),
        ("PUT", r"/part/(?P<oid>\w+)/(?P<number>\d+)", upload, False),
        ("POST", r"/complete/(?P<oid>\w+)", complete, False),
        ("POST", r"/verify/(?P<oid>\w+)", verify, True),
        ("GET HEAD", r"/storage/(?P<oid>\w+)", storage, False),
        ("GET HEAD", rf"/(?:spaces/|datasets/)?{REPO}/resolve/[^/]+/(?P<path>.+)", resolve, False),
    )


def body(http: BaseHTTPRequestHandler) -> bytes:
    """The request's body, sent whole or in chunks."""
    if http.headers.get("Transfer-Encoding", "").lower() == "chunked":
        found = b""
        while size := int(http.rfile.readline().strip() or b"0", 16):
            found += http.rfile.read(size)
            http.rfile.readline()
        http.rfile.readline()
        return found
    return http.rfile.read(int(http.headers.get("Content-Length") or 0))


def reply(
    http: BaseHTTPRequestHandler, status: int, data: Any, headers: dict[str, str] | None = None
) -> None:
    """Send JSON, or bytes as they are."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    try:
        http.send_response(status)
        for name, value in (headers or {}).items():
            http.send_header(name, value)
        http.send_header(
            "Content-Type", "application/octet-stream" if isinstance(data, bytes) else "application/json"
        )
        http.send_header("Content-Length", str(len(raw)))
        http.end_headers()
        if http.command != "HEAD":
            http.wfile.write(raw)
    except OSError:
        http.close_connection = True  # the client went away
