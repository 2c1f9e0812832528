"""DIMSE over TLS: both sides show a certificate of the site's authority, or nothing is said."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mmcore.errors import ConfigError, PeerError
from mmcore.network import dimse
from mmcore.network.listen import Listener, Listening
from mmcore.network.peers import Dimse, Peer, Tls
from mmcore.network.spool import Spool
from mmcore.store.place import Place

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


Authority = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def authority(folder: Path, name: str) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = _builder(subject, subject, key).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    ).sign(key, hashes.SHA256())  # fmt: skip
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return certificate, key


def certificate_of(folder: Path, name: str, ca: Authority) -> Tls:
    """Write a certificate for 127.0.0.1 with its key; return where they and the authority's are."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = _builder(subject, ca[0].subject, key).add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
    ).sign(ca[1], hashes.SHA256())  # fmt: skip
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )  # fmt: skip
    common = ca[0].subject.rfc4514_string().removeprefix("CN=")
    return Tls(
        str(folder / f"{common}.pem"), str(folder / f"{name}.pem"), str(folder / f"{name}.key")
    )


def _builder(subject, issuer, key):
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    )  # fmt: skip


@pytest.fixture
def hospital(tmp_path: Path):
    return authority(tmp_path, "hospital")


@pytest.fixture
def listener(tmp_path: Path, hospital) -> Iterator[Listener]:
    tls = certificate_of(tmp_path, "server", hospital)
    made = Listener(Listening(0, "CONSILIUM", tls=tls), Spool(Place(tmp_path / "data")))
    made.start()
    yield made
    made.stop()


def asks(listener: Listener, tls: Tls | None) -> None:
    where = Dimse("127.0.0.1", listener.port, "CONSILIUM", "SENDER", tls)
    dimse.echo(Peer("us", where, None, timeout=20.0))


def test_who_has_a_certificate_of_the_hospital_is_heard(
    listener: Listener, tmp_path: Path, hospital
) -> None:
    asks(listener, certificate_of(tmp_path, "client", hospital))


def test_who_has_none_is_not(listener: Listener, tmp_path: Path) -> None:
    for tls in (None, Tls(str(tmp_path / "hospital.pem"))):
        with pytest.raises(PeerError):
            asks(listener, tls)


def test_a_server_of_another_authority_is_not_believed(
    listener: Listener, tmp_path: Path, hospital
) -> None:
    authority(tmp_path, "stranger")
    ours = certificate_of(tmp_path, "client", hospital)
    with pytest.raises(PeerError):
        asks(listener, Tls(str(tmp_path / "stranger.pem"), ours.certificate, ours.key))


def test_a_certificate_that_can_not_be_read_is_told(listener: Listener, tmp_path: Path) -> None:
    with pytest.raises(PeerError, match="certificate"):
        asks(listener, Tls(str(tmp_path / "none.pem")))
    bad = Listening(0, "CONSILIUM", tls=Tls("", str(tmp_path / "none.pem"), ""))
    with pytest.raises(ConfigError, match="certificate or key"):
        Listener(bad, Spool(Place(tmp_path / "data"))).start()
