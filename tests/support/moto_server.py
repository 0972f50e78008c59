"""A server that speaks S3, of another hand than our client: moto's, which checks the signature of each request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests

from retrieval_site.buckets.config import BucketConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "eu-central-1"


@dataclass(frozen=True)
class Buckets:
    """The running server, and a key that may do everything with its buckets."""

    endpoint: str
    key_id: str
    key_secret: str
    boto: Any

    def config(self, bucket: str, prefix: str = "") -> BucketConfig:
        """Return what settings would say of a new bucket, which is made."""
        self.boto.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        return BucketConfig(self.endpoint, REGION, bucket, prefix, self.key_id, self.key_secret, 5.0)

    def trust(self, requests_: int) -> None:
        """Let the next requests pass without a look at who asks: it cannot check addresses that carry a signature."""
        requests.post(f"{self.endpoint}/moto-api/reset-auth", data=str(requests_), timeout=5)

    def keys(self, bucket: str) -> list[str]:
        """Return the keys of a bucket."""
        return [each["Key"] for each in self.boto.list_objects_v2(Bucket=bucket).get("Contents", [])]


@pytest.fixture(scope="session")
def buckets() -> Iterator[Buckets]:
    """The server in a thread, one for all tests of a process: each makes a bucket of its own.

    It knows an account, so that a wrong signature is refused.
    """
    boto3, moto_server = pytest.importorskip("boto3"), pytest.importorskip("moto.server")
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    options = {"endpoint_url": endpoint, "region_name": REGION}
    iam = boto3.client("iam", aws_access_key_id="x", aws_secret_access_key="x", **options)
    iam.create_user(UserName="site")
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    iam.put_user_policy(UserName="site", PolicyName="all", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="site")["AccessKey"]
    names = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    running = Buckets(endpoint, *names.values(), boto3.client("s3", **names, **options))
    running.trust(0)
    try:
        yield running
    finally:
        server.stop()
