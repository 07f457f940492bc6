"""`headwater verify` and the checkpoints that somebody else keeps."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from headwater.cli.main import main
from headwater.errors import SettingsError
from headwater.ledger import checkpoints
from headwater.ledger.chain import GENESIS, Lane, Message, body_digest, entry
from headwater.ledger.keeping import row
from headwater.schemas.content import content_digest
from tests.consumers.history.conftest import History
from tests.consumers.history.messages import batch
from tests.consumers.history.test_ledger import RUNS, events, kept

pytestmark = pytest.mark.integration


@pytest.fixture
def environment(history: History, monkeypatch: pytest.MonkeyPatch) -> History:
    for name in ("store_url", "store_user", "store_password", "prefix"):
        monkeypatch.setenv(f"HEADWATER_{name.upper()}", getattr(history.settings, name))
    return history


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    """A private and a public key, made as the documentation says."""
    private, public = tmp_path / "key.pem", tmp_path / "public.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    return private, public


def test_the_command_says_that_all_is_well(environment: History, capsys: pytest.CaptureFixture[str]) -> None:
    """The last checkpoint and its age first, then the check."""
    kept(environment)
    assert main(["verify"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("No checkpoint was exported yet")
    assert "26 messages in 7 ledger entries held against 26 rows" in printed
    assert "Nothing was altered." in printed


def test_the_command_names_what_was_altered(environment: History, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, and a line with partition and offset; the same as JSON."""
    kept(environment)
    environment.client.command(
        "ALTER TABLE run_events UPDATE raw_body = 'forged' WHERE kafka_partition = 0 AND kafka_offset = 5 "
        "SETTINGS mutations_sync = 1"
    )
    assert main(["verify"]) == 1
    assert f"altered: {RUNS}/0 offset 5: its bytes are not those that were archived" in capsys.readouterr().out
    assert main(["verify", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["whole"], answer["found"], answer["findings"][0]["offset"]) == (False, 1, 5)


def test_a_checkpoint_convicts_a_rewritten_chain(
    environment: History, keys: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who alters a row and writes the whole chain anew passes the check, and not the copy that another holds."""
    history, (private, public) = environment, keys
    sent = events(4)
    history.keep(batch(RUNS, sent))
    held = tmp_path / "held.json"
    assert main(["verify", "--export", str(held), "--key", str(private)]) == 0
    history.keep(batch(RUNS, events(2, "later"), first=4))
    assert main(["verify", "--against", str(held), "--public", str(public)]) == 0
    assert "every chain of the checkpoint is there" in capsys.readouterr().out

    forged = [event for event in sent if event is not sent[2]] + events(3, "later")
    history.client.command("TRUNCATE TABLE run_events")
    history.client.command("TRUNCATE TABLE ledger")
    history.step.revoked({(RUNS, 0)})
    history.keep(batch(RUNS, forged))
    assert main(["verify"]) == 0
    capsys.readouterr()
    assert main(["verify", "--against", str(held), "--public", str(public)]) == 1
    assert "has a chain that the ledger has not" in capsys.readouterr().out


def test_the_last_checkpoint_and_its_age(
    environment: History, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told at once, without checking anything; as JSON too."""
    kept(environment)
    assert main(["verify", "--export", str(tmp_path / "one.json"), "--unchecked"]) == 0
    assert "Rows were not checked." in capsys.readouterr().out
    assert main(["verify", "--last"]) == 0
    printed = capsys.readouterr().out
    assert "0 minutes ago, 26 messages, without a full check, not signed" in printed
    assert main(["verify", "--last", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["messages"] == 26


def test_an_altered_checkpoint_is_refused(environment: History, keys: tuple[Path, Path], tmp_path: Path) -> None:
    """By its digest, by its signature, by the key."""
    private, public = keys
    kept(environment)
    made = checkpoints.make(environment.client, "db", checked=True, key=private)
    path = tmp_path / "held.json"
    path.write_text(made.text())
    assert checkpoints.read(path, public) == made
    path.write_text(made.text().replace('"checked": true', '"checked": false'))
    with pytest.raises(SettingsError, match="was altered"):
        checkpoints.read(path)
    unsigned = checkpoints.make(environment.client, "db", checked=True)
    path.write_text(unsigned.text())
    with pytest.raises(SettingsError, match="not signed by the key"):
        checkpoints.read(path, public)
    forged = checkpoints.Checkpoint(made.made, "other", True, made.ends, made.signer, made.signature)
    path.write_text(forged.text())
    with pytest.raises(SettingsError, match="signature"):
        checkpoints.read(path)
    path.write_text("{}")
    with pytest.raises(SettingsError, match="no checkpoint"):
        checkpoints.read(path)


def test_a_forged_entry_with_the_right_chain_digest_is_found(history: History) -> None:
    """An entry that says something else under the chain digest of the true one."""
    [event] = events(1)
    history.keep(batch(RUNS, [event]))
    [[chain]] = history.rows("SELECT hex(chain) FROM ledger")
    lane = Lane(RUNS, "", 0)
    other = entry(lane, GENESIS, [Message(0, body_digest(b"other"), content_digest(bytes(40)))])
    false = type(other)(lane, other.offsets, other.digests, other.contents, other.previous, bytes.fromhex(chain))
    history.client.command("TRUNCATE TABLE ledger")
    history.client.raw_insert("ledger", insert_block=row(false, 0), fmt="RowBinary")
    from headwater.ledger.verifying import verify

    kinds = {finding.kind for finding in verify(history.client).findings}
    assert kinds == {"ledger"}
