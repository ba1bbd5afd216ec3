"""The guard before the Dagster UI, over Dagster's own web application."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from fin_assets.commands.dagster_ui import guarded
from fin_assets.hosts import Hosts

BASE = "http://127.0.0.1:3000"
QUESTION = "{ version }"
MUTATION = 'mutation { deletePipelineRun(runId: "RUN") { __typename } }'


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("instance"))) as instance:
        yield instance


@pytest.fixture(scope="module")
def client(instance: dg.DagsterInstance) -> Iterator[TestClient]:
    with WorkspaceProcessContext(instance, workspace_load_target=None, version="1.2.3") as context:
        app = guarded(context, Hosts.of(["dagster.example.org"]))
        yield TestClient(app, base_url=BASE)


@pytest.fixture
def run_id(instance: dg.DagsterInstance) -> str:
    """A run that a mutation would delete."""

    @dg.job
    def nothing() -> None: ...

    return instance.create_run_for_job(nothing).run_id


def test_an_address_that_carries_a_mutation_changes_nothing(client: TestClient, instance, run_id: str):
    query = MUTATION.replace("RUN", run_id)
    for path in ("/graphql", "/graphql/"):
        for method in ("GET", "HEAD"):
            answer = client.request(method, path, params={"query": query})
            assert answer.status_code == 405
        assert client.post(path, params={"query": query}).status_code == 415
    assert instance.get_run_by_id(run_id) is not None


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_a_form_of_a_page_asks_nothing(client: TestClient, instance, run_id: str, kind: str):
    query = MUTATION.replace("RUN", run_id)
    answer = client.post("/graphql", params={"query": query}, content=b"{}", headers={"content-type": kind})
    assert answer.status_code == 415
    assert instance.get_run_by_id(run_id) is not None


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8080"},
        {"host": "rebound.example:3000"},
        {"host": "rebound.example:3000", "origin": "http://rebound.example:3000"},
    ],
)
def test_foreign_pages_and_names_are_refused_everywhere(
    client: TestClient, instance, run_id: str, headers: dict[str, str]
):
    answer = client.post("/graphql", json={"query": MUTATION.replace("RUN", run_id)}, headers=headers)
    assert answer.status_code == 403
    assert "allowed_hosts" in answer.text
    assert instance.get_run_by_id(run_id) is not None
    for path in ("/", "/server_info", f"/download_debug/{run_id}", "/report_asset_materialization/x"):
        assert client.get(path, headers=headers).status_code == 403
    assert client.post("/report_asset_materialization/x", headers=headers).status_code == 403
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/graphql", ["graphql-ws"], headers=headers):
        pytest.fail("the websocket opened")


@pytest.mark.parametrize(
    "headers", [{}, {"origin": BASE}, {"host": "dagster.example.org", "origin": "https://dagster.example.org"}]
)
def test_own_pages_and_programs_ask_and_change_as_before(
    client: TestClient, instance, run_id: str, headers: dict[str, str]
):
    answer = client.post("/graphql", json={"query": QUESTION}, headers=headers)
    assert answer.json() == {"data": {"version": "1.2.3"}}
    with client.websocket_connect("/graphql", ["graphql-ws"], headers={"host": "127.0.0.1:3000", **headers}) as socket:
        socket.send_json({"type": "connection_init"})
        assert socket.receive_json() == {"type": "connection_ack"}
    client.post("/graphql", json={"query": MUTATION.replace("RUN", run_id)}, headers=headers)
    assert instance.get_run_by_id(run_id) is None


def test_no_other_site_may_frame_the_ui(client: TestClient):
    for path in ("/", "/server_info", "/graphql?query=x"):
        answer = client.get(path)
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
