"""A day of an account's administrator, with IBM's Python SDK. Ends with an error if an answer is not as it reads it."""

import sys

from ibm_cloud_sdk_core import ApiException
from ibm_cloud_sdk_core.authenticators import BearerTokenAuthenticator, IAMAuthenticator
from ibm_container_registry.container_registry_v1 import (
    AuthOptions,
    ContainerRegistryV1,
    ImageBulkDeleteResult,
    ImageDeleteResult,
    ImageDigest,
    ImageInspection,
    Namespace,
    NamespaceDetails,
    Plan,
    Quota,
    RemoteAPIImage,
)

host, key, account_name, digest = sys.argv[1:]
url = f"http://{host}"


def client(authenticator, account=account_name):
    registry = ContainerRegistryV1(account=account, authenticator=authenticator)
    registry.set_service_url(url)
    return registry


def refused(status, work):
    try:
        work()
    except ApiException as error:
        assert error.status_code == status, error
        assert error.message and error.message != "Unknown error", error
        return error
    raise AssertionError(f"not refused with {status}")


def login(registry):
    token = registry.authenticator.token_manager.get_token()
    assert client(BearerTokenAuthenticator(token)).list_namespaces().get_result() == ["library", "team"]
    wrong = client(IAMAuthenticator(key + "x", url=url))
    assert "API key" in refused(401, wrong.list_namespaces).message
    error = refused(403, client(registry.authenticator, "nobodys").list_namespaces)
    assert error.global_transaction_id, error
    refused(401, client(BearerTokenAuthenticator("a.b.c")).list_namespaces)


def account(registry):
    quota = Quota.from_dict(registry.get_quota().get_result())
    assert quota.limit.storage_bytes == -1 and quota.usage.storage_bytes > 0, quota
    registry.update_quota(storage_megabytes=500, traffic_megabytes=-1)
    quota = Quota.from_dict(registry.get_quota().get_result())
    assert quota.limit.storage_bytes == 500 << 20 and quota.limit.traffic_bytes == -1, quota
    refused(400, lambda: registry.update_quota(storage_megabytes=-2))
    registry.update_quota(storage_megabytes=-1)
    assert Plan.from_dict(registry.get_plans().get_result()).plan is None
    registry.update_plans(plan="L")
    assert Plan.from_dict(registry.get_plans().get_result()).plan == "L"
    assert registry.get_settings().get_result() == {"platform_metrics": False}
    assert registry.update_settings(platform_metrics=False).get_status_code() == 204
    options = AuthOptions.from_dict(registry.get_auth().get_result())
    assert options.iam_authz and options.private_only is False, options
    assert registry.update_auth(iam_authz=True).get_result() is None
    assert registry.get_messages().get_result() == ""


def namespaces(registry):
    made = registry.create_namespace("ibm")
    assert made.get_status_code() == 201
    assert Namespace.from_dict(made.get_result()).namespace == "ibm"
    assert registry.create_namespace("ibm").get_status_code() == 200
    assert registry.list_namespaces().get_result() == ["ibm", "library", "team"]
    details = [NamespaceDetails.from_dict(one) for one in registry.list_namespace_details().get_result()]
    assert [one.name for one in details] == ["ibm", "library", "team"], details
    assert registry.assign_namespace(details[0].resource_group, "ibm").get_result() == {"namespace": "ibm"}
    by_id = client(registry.authenticator, details[0].account)
    assert by_id.list_namespaces().get_result() == ["ibm", "library", "team"]
    registry.delete_namespace("ibm")
    refused(404, lambda: registry.delete_namespace("ibm"))


def images(registry):
    listed = [RemoteAPIImage.from_dict(one) for one in registry.list_images().get_result()]
    names = sorted(tag for image in listed for tag in image.repo_tags)
    assert names == [f"{host}/team/app:v1", f"{host}/team/nested/app:v1"], names
    assert all(image.id == digest and image.size > 0 and image.created > 0 for image in listed), listed
    one = registry.list_images(repository="team/app", include_private=True, vulnerabilities=False).get_result()
    assert [image["RepoTags"] for image in one] == [[f"{host}/team/app:v1"]], one
    assert registry.list_images(namespace="library").get_result() == []
    digests = [ImageDigest.from_dict(one) for one in registry.list_image_digests(exclude_va=True).get_result()]
    assert [one.id for one in digests] == [digest], digests
    assert digests[0].repo_tags == {f"{host}/team/app": {"v1": {}}, f"{host}/team/nested/app": {"v1": {}}}
    inspected = ImageInspection.from_dict(registry.inspect_image(f"{host}/team/app:v1").get_result())
    assert inspected.os == "linux" and inspected.root_fs.layers, inspected
    assert inspected.id.startswith("sha256:") and inspected.config is not None, inspected
    manifest = registry.get_image_manifest(f"{host}/team/app@{digest}").get_result()
    assert manifest["schemaVersion"] == 2 and manifest["config"]["digest"] == inspected.id, manifest


def tags(registry):
    assert registry.tag_image(f"{host}/team/app:v1", f"{host}/team/app:stable").get_status_code() == 201
    registry.tag_image(f"{host}/team/app:v1", f"{host}/library/app:v1")
    listed = registry.list_images(namespace="library").get_result()
    assert [image["RepoTags"] for image in listed] == [[f"{host}/library/app:v1"]], listed
    result = registry.delete_image_tag(f"{host}/team/app:stable").get_result()
    assert ImageDeleteResult.from_dict(result).untagged == f"{host}/team/app:stable", result
    refused(404, lambda: registry.delete_image_tag(f"{host}/team/app:stable"))


def deleting(registry):
    registry.delete_image_tag(f"{host}/library/app:v1")
    assert registry.list_images(namespace="library").get_result() == []
    untagged = registry.list_image_digests(exclude_tagged=True).get_result()
    assert [one["id"] for one in untagged] == [digest], untagged
    known, unknown = f"{host}/library/app@{digest}", f"{host}/library/none@{digest}"
    result = registry.bulk_delete_images([known, unknown]).get_result()
    result = ImageBulkDeleteResult.from_dict(result)
    assert result.success == [known] and result.error[unknown].code == "NOT_FOUND", result
    result = registry.delete_image(f"{host}/team/app:v1").get_result()
    assert result == {"Untagged": f"{host}/team/app:v1"}, result
    refused(404, lambda: registry.inspect_image(f"{host}/team/app:v1"))


def leave(registry):
    registry.delete_namespace("team")
    assert registry.list_namespaces().get_result() == ["library"]
    assert registry.list_images().get_result() == []
    deleted = registry.list_deleted_images().get_result()
    assert digest in str(deleted), deleted
    assert not registry.list_retention_policies().get_result()


registry = client(IAMAuthenticator(key, url=url))
for part in (login, account, namespaces, images, tags, deleting, leave):
    part(registry)
    print(part.__name__)
