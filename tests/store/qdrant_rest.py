"""A Qdrant server of a few endpoints, in memory, over real HTTP: what the adapter sends is what is kept and answered.

Vectors are compared exactly and kept as they came, filters are asked as `qdrant_client` asks them in its local mode,
and a test can say what goes wrong next. A real server answers the same contract where RAB_TEST_QDRANT_URL names one.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import RLock, Thread
from typing import Any

import numpy as np
from qdrant_client import models
from qdrant_client.local.payload_filters import check_filter

Json = dict[str, Any]


class Refused(Exception):
    """What the server answers instead."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


@dataclass
class Collection:
    """One collection: what it was made with, and its points."""

    made_with: Json
    indexes: dict[str, Json] = field(default_factory=dict)
    vectors: dict[str, np.ndarray] = field(default_factory=dict)
    payloads: dict[str, Json] = field(default_factory=dict)

    def info(self) -> Json:
        """Describe it as a server does, with a server's own values for what was not said."""
        said = self.made_with
        return {
            "status": "green",
            "optimizer_status": "ok",
            "indexed_vectors_count": 0,
            "points_count": len(self.vectors),
            "segments_count": 1,
            "payload_schema": {
                name: {"data_type": index["data_type"], "params": index["params"], "points": len(self.vectors)}
                for name, index in self.indexes.items()
            },
            "config": {
                "params": {
                    name: said.get(name, usual)
                    for name, usual in {
                        "vectors": None,
                        "shard_number": 1,
                        "replication_factor": 1,
                        "write_consistency_factor": 1,
                        "on_disk_payload": True,
                    }.items()
                },
                "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000}
                | (said.get("hnsw_config") or {}),
                "optimizer_config": {"default_segment_number": 0, "flush_interval_sec": 5, "indexing_threshold": 10_000}
                | (said.get("optimizers_config") or {}),
                "quantization_config": said.get("quantization_config"),
                "metadata": said.get("metadata"),
            },
        }

    def matching(self, conditions: Json | None) -> list[str]:
        """Return the ids of points that match, in order."""
        asked = models.Filter.model_validate(conditions or {})
        return [one for one in sorted(self.payloads) if check_filter(asked, self.payloads[one], one, {"": True})]

    def record(self, one: str, body: Json) -> Json:
        """Return a point, with as much of it as was asked for."""
        wanted = body.get("with_payload")
        payload = self.payloads[one] if wanted else None
        if isinstance(wanted, list) and payload is not None:
            payload = {name: payload[name] for name in wanted if name in payload}
        vector = self.vectors[one].tolist() if body.get("with_vector") else None
        return {"id": one, "payload": payload, "vector": vector}


@dataclass
class QdrantRest:
    """The server. `asked` keeps every request; `faults` are answered first, each once: a status, or what to do."""

    api_key: str | None = None
    collections: dict[str, Collection] = field(default_factory=dict)
    asked: list[tuple[str, str, Json]] = field(default_factory=list)
    faults: list[int | Callable[[], None]] = field(default_factory=list)
    url: str = ""
    lock: RLock = field(default_factory=RLock)

    def bodies(self, method: str, end: str) -> list[Json]:
        """Return the bodies of all requests of a method whose path ends so."""
        return [body for verb, path, body in self.asked if verb == method and path.endswith(end)]

    def answer(self, method: str, path: str, body: Json) -> Any:
        """Return the result of a request. Raises `Refused`."""
        match method, path.strip("/").split("/")[1:]:
            case "GET", [name, "exists"]:
                return {"exists": name in self.collections}
            case "PUT", [name]:
                if name in self.collections:
                    raise Refused(409, f"collection {name} exists")
                models.CreateCollection.model_validate(body)
                self.collections[name] = Collection({key: said for key, said in body.items() if said is not None})
                return True
        if path.strip("/").split("/")[1] not in self.collections:
            raise Refused(404, "no such collection")
        collection = self.collections[path.strip("/").split("/")[1]]
        match method, path.strip("/").split("/")[2:]:
            case "GET", []:
                return collection.info()
            case "DELETE", []:
                del self.collections[path.strip("/").split("/")[1]]
                return True
            case "PATCH", []:
                for name, part in body.items():
                    collection.made_with[name] = (collection.made_with.get(name) or {}) | (part or {})
                return True
            case "PUT", ["index"]:
                asked = body["field_schema"]
                params = asked if isinstance(asked, dict) else {"type": asked}
                collection.indexes[body["field_name"]] = {"data_type": params["type"], "params": params}
                return _applied()
        return self.on_points(collection, method, path.split("/points", 1)[1].strip("/"), body)

    def on_points(self, collection: Collection, method: str, verb: str, body: Json) -> Any:
        """Return the result of a request about points."""
        match method, verb:
            case "PUT", "":
                batch = body["batch"]
                for one, vector, payload in zip(batch["ids"], batch["vectors"], batch["payloads"], strict=True):
                    collection.vectors[one] = np.array(vector, dtype=np.float32)
                    collection.payloads[one] = payload
            case "POST", "":
                return [collection.record(one, body) for one in body["ids"] if one in collection.vectors]
            case "POST", "count":
                return {"count": len(collection.matching(body.get("filter")))}
            case "POST", "scroll":
                left = [one for one in collection.matching(body.get("filter")) if one >= (body.get("offset") or "")]
                page, rest = left[: body["limit"]], left[body["limit"] :]
                return {
                    "points": [collection.record(one, body) for one in page],
                    "next_page_offset": rest[0] if rest else None,
                }
            case "POST", "query":
                return {"points": self.nearest(collection, body)}
            case "POST", "payload":
                for one in body["points"]:
                    collection.payloads[one] = collection.payloads[one] | body["payload"]
            case "POST", "payload/delete":
                for one in body["points"]:
                    for key in body["keys"]:
                        collection.payloads[one].pop(key, None)
            case "POST", "batch":
                for operation in body["operations"]:
                    for one in operation["overwrite_payload"]["points"]:
                        collection.payloads[one] = operation["overwrite_payload"]["payload"]
                return [_applied() for _ in body["operations"]]
            case "POST", "delete":
                for one in body["points"]:
                    collection.vectors.pop(one, None)
                    collection.payloads.pop(one, None)
            case _:
                raise Refused(404, f"{method} {verb}")
        return _applied()

    def nearest(self, collection: Collection, body: Json) -> list[Json]:
        """Compare every vector that matches."""
        query = np.array(body["query"]["nearest"], dtype=np.float64)
        found = collection.matching(body.get("filter"))
        by_score = sorted(found, key=lambda one: -float(collection.vectors[one] @ query))
        return [
            collection.record(one, body) | {"version": 0, "score": float(collection.vectors[one] @ query)}
            for one in by_score[: body["limit"]]
        ]

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request over HTTP."""
        content = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        path, body = handler.path.split("?")[0], json.loads(content) if content else {}
        status, words = 200, ""
        result: Any = None
        with self.lock:
            fault = self.faults.pop(0) if self.faults else None
            self.asked.append((handler.command, path, body))
            if self.api_key is not None and handler.headers.get("api-key") != self.api_key:
                status, words = 401, "Must provide an API key"
            elif isinstance(fault, int):
                status, words = fault, "as the test says"
            else:
                try:
                    if fault is not None:
                        fault()
                    result = self.answer(handler.command, path, body)
                except Refused as refusal:
                    status, words = refusal.status, str(refusal)
        answer = {"time": 0.0, "status": "ok" if status == 200 else {"error": words}, "result": result}
        sent = json.dumps(answer).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(sent)))
        handler.end_headers()
        handler.wfile.write(sent)


@contextmanager
def serving(api_key: str | None = None) -> Iterator[QdrantRest]:
    """Run a server on a free port of this machine."""
    rest = QdrantRest(api_key)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            try:
                rest.handle(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        rest.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield rest
        finally:
            server.shutdown()
            thread.join()


def _applied() -> Json:
    return {"operation_id": 0, "status": "completed"}
