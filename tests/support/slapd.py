"""OpenLDAP's own server on a private port, with a few people and groups. Speaks TLS by a certificate of its own."""

from __future__ import annotations

import datetime
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.web import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

ldap = pytest.importorskip("ldap")
SLAPD = shutil.which("slapd", path="/usr/sbin:/usr/lib/openldap:/usr/bin")
CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
TLSCACertificateFile {folder}/server.pem
require LDAPv3
database mdb
suffix "dc=x,dc=example"
rootdn "cn=root,dc=x,dc=example"
rootpw root
directory {folder}/db
maxsize 10485760
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
"""
PEOPLE = """
dn: dc=x,dc=example
objectClass: dcObject
objectClass: organization
o: X
dc: x

dn: ou=people,dc=x,dc=example
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=x,dc=example
objectClass: organizationalUnit
ou: groups

dn: cn=sightline,dc=x,dc=example
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: sightline
userPassword: {SERVICE}

dn: uid=Anna,ou=people,dc=x,dc=example
objectClass: inetOrgPerson
uid: Anna
cn: Anna Muster
givenName: Anna
sn: Muster
mail: anna@x.example
userPassword: right

dn: uid=bob,ou=people,dc=x,dc=example
objectClass: inetOrgPerson
uid: bob
cn: Bob
sn: Bob
userPassword: right

dn: cn=archivists,ou=groups,dc=x,dc=example
objectClass: groupOfNames
cn: archivists
member: uid=Anna,ou=people,dc=x,dc=example

dn: cn=bosses,ou=groups,dc=x,dc=example
objectClass: groupOfNames
cn: bosses
member: uid=Anna,ou=people,dc=x,dc=example
"""
SERVICE_PASSWORD = "of the service"


@dataclass(frozen=True)
class Slapd:
    """The running server: its plain port, which starts TLS when asked, its TLS port, its certificate and its folder."""

    port: int
    tls_port: int
    folder: Path

    @property
    def ca_file(self) -> str:
        return str(self.folder / "server.pem")

    def administrator(self) -> Any:
        """A connection that may change everything."""
        connection = ldap.initialize(f"ldap://127.0.0.1:{self.port}")
        connection.simple_bind_s("cn=root,dc=x,dc=example", "root")
        return connection


@contextmanager
def slapd_running(folder: Path) -> Iterator[Slapd]:
    """Start the server and stop it at the end; the test is skipped where it is not installed."""
    if SLAPD is None:
        pytest.skip("slapd is not installed")
    (folder / "db").mkdir()
    _certificate(folder)
    (folder / "slapd.conf").write_text(CONFIG.format(folder=folder))
    people = PEOPLE.replace("{SERVICE}", SERVICE_PASSWORD)
    add = [SLAPD, "-T", "add", "-f", str(folder / "slapd.conf")]
    subprocess.run(add, input=people.encode(), check=True, capture_output=True)
    server = Slapd(free_port(), free_port(), folder)
    urls = f"ldap://127.0.0.1:{server.port}/ ldaps://127.0.0.1:{server.tls_port}/"
    with (folder / "slapd.log").open("wb") as log:
        command = [SLAPD, "-h", urls, "-f", str(folder / "slapd.conf"), "-d", "0"]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait(server, process)
        yield server
    finally:
        process.terminate()
        process.wait(20)


def _wait(server: Slapd, process: subprocess.Popen) -> None:
    ends = time.monotonic() + 20
    while True:
        try:
            connection = ldap.initialize(f"ldap://127.0.0.1:{server.port}")
            connection.simple_bind_s("", "")
            return
        except ldap.SERVER_DOWN:
            assert process.poll() is None, (server.folder / "slapd.log").read_text()
            assert time.monotonic() < ends
            time.sleep(0.02)


def _certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a directory of a test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "server.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    (folder / "server.key").write_bytes(secret)
