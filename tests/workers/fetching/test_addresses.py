"""What is an address of a picture, and which machines are on the public internet."""

from __future__ import annotations

import random
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest

from workers.fetching.addresses import PictureAddress, read_address
from workers.fetching.networks import is_public
from workers.inference.errors import PictureError

PORTS = (80, 443)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("http://example.com", PictureAddress("http", "example.com", 80, "/")),
        ("HTTPS://Example.COM:443/A.jpg?w=3#top", PictureAddress("https", "example.com", 443, "/A.jpg?w=3")),
        ("http://[2001:DB8::1]/a", PictureAddress("http", "2001:db8::1", 80, "/a")),
        (
            "https://straße.example/ü.jpg",
            PictureAddress("https", "xn--strae-oqa.example", 443, "/%C3%BC.jpg"),
        ),
        ("http://①②⑦.⓪.⓪.①/", PictureAddress("http", "127.0.0.1", 80, "/")),
        ("http://2130706433/", PictureAddress("http", "2130706433", 80, "/")),
        (
            "http://a.example/%2e%2e/b c".replace(" ", "%20"),
            PictureAddress("http", "a.example", 80, "/%2e%2e/b%20c"),
        ),
    ],
)
def test_an_address_is_read_once(written, expected):
    assert read_address(written, PORTS) == expected


@pytest.mark.parametrize(
    ("address", "header"),
    [
        ("http://a.example/", "a.example"),
        ("http://a.example:443/", "a.example:443"),
        ("https://[2001:db8::1]:443/", "[2001:db8::1]"),
    ],
)
def test_the_host_is_named_as_in_a_request(address, header):
    assert read_address(address, PORTS).host_header == header


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("file:///etc/passwd", "starts with"),
        ("gopher://a.example/", "starts with"),
        ("//a.example/", "starts with"),
        ("a.example/a.jpg", "starts with"),
        ("data:image/png;base64,AAAA", "starts with"),
        ("", "starts with"),
        ("http://user@a.example/", "password"),
        ("http://a.example@10.0.0.1/", "password"),
        ("http://a.example:8080/", "8080"),
        ("http://a.example:6379/", "6379"),
        ("http://a.example:99999/", "no address"),
        ("http:///a.jpg", "no host"),
        ("http://a.example\\@10.0.0.1/", "no address"),
        ("http://a.example/\r\nHost: b", "no address"),
        ("http://a exam.ple/", "no address"),
        ("http://a.example\t.b/", "no address"),
        ("http://[fe80::1%25eth0]/", "no host"),
        ("http://[::1/", "no address"),
        ("http://a_{}.example/", "no host"),
        ("http://xn--\u2603-/", "no host"),
        ("http://a.example/" + "x" * 2048, "2,048"),
    ],
)
def test_what_is_no_address_is_refused(written, word):
    with pytest.raises(PictureError) as caught:
        read_address(written, PORTS)
    assert caught.value.id == "image_url.invalid"
    assert word in caught.value.message


@pytest.mark.parametrize(
    "place", ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450::1"]
)
def test_the_internet_is_public(place):
    assert is_public(ip_address(place))


NOT_PUBLIC = """
    127.0.0.1 127.8.9.10 0.0.0.0 10.1.2.3 172.31.0.1 192.168.1.1 169.254.169.254 100.100.100.200 168.63.129.16
    192.0.0.192 198.18.0.1 192.0.2.1 224.0.0.1 255.255.255.255 240.0.0.1 192.88.99.1
    :: ::1 ::ffff:8.8.8.8 ::ffff:127.0.0.1 ::8.8.8.8 64:ff9b::808:808 64:ff9b:1::1 2002:7f00:1:: 2001:0:1::1
    fe80::1 fc00::1 fd00:ec2::254 fd20:ce::254 ff02::1 2001:db8::1 100::1 3fff::1 5f00::1
"""


@pytest.mark.parametrize("place", NOT_PUBLIC.split())
def test_what_only_some_machines_reach_is_not_public(place):
    assert not is_public(ip_address(place))


def test_what_python_calls_no_global_address_is_never_public():
    numbers = random.Random(5)
    places = [IPv4Address(numbers.getrandbits(32)) for _ in range(20_000)]
    places += [IPv6Address(numbers.getrandbits(128)) for _ in range(20_000)]
    special = [place for place in places if not place.is_global or place.is_multicast or place.is_reserved]
    assert len(special) > 10_000
    assert [place for place in special if is_public(place)] == []


def test_a_network_that_is_allowed_here_counts_as_public():
    allowed = (ip_network("10.1.2.0/24"), ip_network("fd00::/8"))
    assert is_public(ip_address("10.1.2.9"), allowed)
    assert is_public(ip_address("fd00::9"), allowed)
    assert not is_public(ip_address("10.1.3.9"), allowed)
