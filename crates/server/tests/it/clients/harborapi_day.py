"""A day of an account's administrator, with Harbor's Python client. Ends with an error if an answer is not as it reads it."""

import asyncio
import sys
from types import SimpleNamespace

from harborapi import HarborAsyncClient
from harborapi.exceptions import Conflict, Forbidden, NotFound, PreconditionFailed, Unauthorized
from harborapi.models import (
    Access,
    Label,
    ProjectMetadata,
    ProjectReq,
    Repository,
    RobotCreate,
    RobotPermission,
    Tag,
    UserCreationReq,
)

from harborapi_lifecycle import collections, immutability, purges, refused, retention, webhooks

host, user, password, image, source = sys.argv[1:]
project_name, rest = image.split("/", 1)
repository, digest = rest.split("@")
place = SimpleNamespace(
    host=host, user=user, password=password, source=source, project=project_name, repository=repository, digest=digest
)


def client(name, secret):
    return HarborAsyncClient(url=f"http://{host}/api/v2.0", username=name, secret=secret)


async def system(harbor):
    assert await harbor.ping() == "Pong"
    assert (await harbor.health_check()).status == "healthy"
    info = await harbor.get_system_info()
    assert info.auth_mode == "db_auth" and info.harbor_version.startswith("v2."), info
    me = await harbor.get_current_user()
    assert me.username == user and me.sysadmin_flag, me
    await refused(Unauthorized, client(user, "wrong").get_current_user())


async def projects(harbor):
    request = ProjectReq(project_name="harborapi", metadata=ProjectMetadata(public="true"))
    location = await harbor.create_project(request)
    assert location.endswith("/projects/harborapi"), location
    await refused(Conflict, harbor.create_project(request))
    assert await harbor.project_exists("harborapi")
    assert not await harbor.project_exists("nothing")
    project = await harbor.get_project("harborapi")
    assert project.name == "harborapi" and project.metadata.public == "true", project
    await harbor.update_project("harborapi", ProjectReq(metadata=ProjectMetadata(public="false")))
    assert (await harbor.get_project(project.project_id)).metadata.public == "false"
    await harbor.set_project_metadata("harborapi", ProjectMetadata(severity="high"))
    assert (await harbor.get_project_metadata("harborapi")).severity == "high"
    await harbor.delete_project_metadata_entry("harborapi", "severity")
    names = [project.name for project in await harbor.get_projects(sort="-name")]
    assert "harborapi" in names and names == sorted(names, reverse=True), names
    assert [p.name for p in await harbor.get_projects(query="name=~ARBORAP")] == ["harborapi"]
    assert (await harbor.get_project_deletable("harborapi")).deletable
    await refused(PreconditionFailed, harbor.delete_project(project_name))


async def people(harbor):
    await harbor.create_user(
        UserCreationReq(
            username="carol",
            email="carol@example.com",
            realname="Carol",
            password="Correct-horse-9",
            comment="by a client",
        )
    )
    carol = await harbor.get_user_by_username("carol")
    await harbor.add_project_member_user("harborapi", "carol", 3)
    members = await harbor.get_project_members("harborapi")
    member = next(member for member in members if member.entity_name == "carol")
    assert member.role_id == 3, member
    await harbor.update_project_member_role("harborapi", member.id, 2)
    assert (await harbor.get_project_member("harborapi", member.id)).role_id == 2
    theirs = client("carol", "Correct-horse-9")
    assert [project.name for project in await theirs.get_projects()] == ["harborapi"]
    await refused(Forbidden, theirs.get_project(project_name))
    await harbor.remove_project_member("harborapi", member.id)
    await refused(Forbidden, theirs.get_project("harborapi"))
    await harbor.set_user_password(carol.user_id, "Another-horse-9")
    await refused(Unauthorized, theirs.get_current_user())
    await harbor.delete_user(carol.user_id)


async def robots(harbor):
    request = RobotCreate(
        name="builder",
        description="builds",
        level="project",
        duration=30,
        permissions=[
            RobotPermission(
                kind="project",
                namespace=project_name,
                access=[Access(resource="repository", action="pull")],
            )
        ],
    )
    created = await harbor.create_robot(request)
    assert created.name == f"robot${project_name}+builder" and created.secret, created.name
    robot = await harbor.get_robot(created.id)
    assert robot.level == "project" and not robot.disable, robot
    robot.description = "builds more"
    await harbor.update_robot(created.id, robot)
    assert (await harbor.get_robot(created.id)).description == "builds more"
    await harbor.refresh_robot_secret(created.id, "Another-secret-9")
    project = await harbor.get_project(project_name)
    query = f"Level=project,ProjectID={project.project_id}"
    assert [robot.id for robot in await harbor.get_robots(query=query)] == [created.id]
    await harbor.delete_robot(created.id)
    await refused(NotFound, harbor.get_robot(created.id))


async def content(harbor):
    repositories = await harbor.get_repositories(project_name)
    assert [one.name for one in repositories] == [f"{project_name}/{repository}"], repositories
    await harbor.update_repository(project_name, repository, Repository(description="an app"))
    assert (await harbor.get_repository(project_name, repository)).description == "an app"
    artifacts = await harbor.get_artifacts(project_name, repository, with_label=True)
    assert [artifact.digest for artifact in artifacts] == [digest], artifacts
    await harbor.create_artifact_tag(project_name, repository, digest, Tag(name="stable"))
    tags = await harbor.get_artifact_tags(project_name, repository, digest)
    assert sorted(tag.name for tag in tags) == ["stable", "v1"], tags
    await harbor.delete_artifact_tag(project_name, repository, digest, "stable")
    project = await harbor.get_project(project_name)
    await harbor.create_label(Label(name="good", color="#00FF00", scope="p", project_id=project.project_id))
    label = (await harbor.get_labels(scope="p", project_id=project.project_id))[0]
    await harbor.add_artifact_label(project_name, repository, digest, label)
    artifact = await harbor.get_artifact(project_name, repository, digest, with_label=True)
    assert [label.name for label in artifact.labels] == ["good"], artifact
    found = await harbor.search(repository.split("/")[-1])
    assert [one.repository_name for one in found.repository] == [f"{project_name}/{repository}"], found
    statistics = await harbor.get_statistics()
    assert statistics.total_repo_count == 1, statistics
    quotas = await harbor.get_quotas()
    assert any(quota.used.root["storage"] > 0 for quota in quotas), quotas
    logs = await harbor.get_audit_logs(limit=100)
    assert isinstance(logs, list)


async def leave(harbor):
    await harbor.delete_artifact(project_name, repository, digest)
    await harbor.delete_repository(project_name, repository)
    await harbor.delete_project(project_name)
    await refused(NotFound, harbor.get_project(project_name))


async def main():
    harbor = client(user, password)
    for part in (system, projects, people, robots, content):
        await part(harbor)
        print(part.__name__)
    for part in (immutability, retention, webhooks, purges, collections):
        await part(harbor, place)
        print(part.__name__)
    await leave(harbor)
    print("leave")


asyncio.run(main())
