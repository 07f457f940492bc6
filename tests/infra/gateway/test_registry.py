"""The gateway on Apache Kafka with a Schema Registry: what it sends is in the Confluent wire format."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from headwater.schemas import framing, plain, records
from headwater.schemas.registry import Registry
from headwater.schemas.topics import RUNS
from headwater.settings import Settings
from headwater.topics import create
from tests.backends import clients
from tests.backends.kinds import Kafka
from tests.backends.kinds import Registry as RegistryServer
from tests.consumers.openlineage.samples import HAND_WRITTEN
from tests.infra.gateway.conftest import serving
from tests.infra.gateway.test_requests import BATCH, SINGLE, run


@pytest.mark.integration
def test_events_carry_the_registrys_ids(kafka: Kafka, registry: RegistryServer, prefix: str, tmp_path: Path) -> None:
    """One event and a batch: each message names the registered schema by its id, and is read by it."""
    settings = Settings(
        brokers=kafka.bootstrap,
        prefix=prefix,
        partitions=2,
        registry_url=registry.url,
        spool_dir=str(tmp_path / "spool"),
    )
    create(settings)
    with serving(settings, tmp_path) as gateway:
        gateway.wait_for_broker()
        assert httpx.post(gateway.url + SINGLE, json=run(1), timeout=30).status_code == 201
        assert httpx.post(gateway.url + BATCH, json=HAND_WRITTEN, timeout=30).status_code == 200
    values = [one.value or b"" for one in clients.read_all(kafka.bootstrap, settings.prefix + RUNS.name)]
    assert len(values) == 4
    with Registry(registry.url) as known:
        for value in values:
            header = framing.read_header(value)
            assert header.registry_id is not None
            schema = known.schema(header.registry_id)
            assert schema is not None
            assert schema == records.current("run_event")
            assert plain.decode(schema, value[framing.CONFLUENT_HEADER :])["run"]
