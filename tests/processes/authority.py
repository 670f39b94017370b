"""An authority made on the fly, and the certificates that it signs: good, expired, of another name."""

import ipaddress
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from quant_pipelines.core.clock import utc_now

_DAY = timedelta(days=1)


class Served(NamedTuple):
    """Files of a certificate and its key."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates; its own stands in ``file``."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key, self._name = ec.generate_private_key(ec.SECP256R1()), _named("authority of a test")
        now = utc_now()
        certificate = (
            _builder(self._name, self._key.public_key(), now - _DAY, now + _DAY)
            .issuer_name(self._name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.file = _written(folder / "authority.pem", certificate.public_bytes(serialization.Encoding.PEM))

    def sign(self, address: str = "127.0.0.1", *, days: int = 1) -> Served:
        """Certificate of an address that ends in so many days; before today where that is negative."""
        key, now = ec.generate_private_key(ec.SECP256R1()), utc_now()
        end = now + days * _DAY
        certificate = (
            _builder(_named(address), key.public_key(), min(now, end) - _DAY, end)
            .issuer_name(self._name)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        name = f"{address}_{days}"
        return Served(
            _written(self._folder / f"{name}.pem", certificate.public_bytes(serialization.Encoding.PEM)),
            _written(
                self._folder / f"{name}.key",
                key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                ),
            ),
        )


def _builder(
    name: x509.Name, key: ec.EllipticCurvePublicKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _written(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    return file
