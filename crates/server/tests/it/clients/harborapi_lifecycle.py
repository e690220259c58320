"""What does not change, what goes, what comes by itself and who is told, with Harbor's Python client: parts of the day in
`harborapi_day.py`. Each gets the client and the place it is about: project, repository, digest, and where to push."""

import asyncio
import json

from harborapi.exceptions import BadRequest, Conflict, HarborAPIException, NotFound, PreconditionFailed
from harborapi.models import (
    ImmutableRule,
    ImmutableSelector,
    PayloadFormatType,
    RetentionPolicy,
    RetentionPolicyScope,
    RetentionRule,
    RetentionRuleTrigger,
    RetentionSelector,
    Schedule,
    ScheduleObj,
    SchedulerStatus,
    ScheduleTask,
    WebhookPolicy,
    WebhookTargetObject,
)


async def refused(kind, work):
    try:
        await work
    except kind:
        return
    raise AssertionError(f"not refused with {kind.__name__}")


async def pushed(place, tag, *options):
    """Pushes the image under a tag; whether that was done, and what skopeo said."""
    target = f"docker://{place.host}/{place.project}/{place.repository}:{tag}"
    login = ["--dest-tls-verify=false", "--dest-creds", f"{place.user}:{place.password}"]
    skopeo = await asyncio.create_subprocess_exec(
        "skopeo", "copy", "--quiet", *login, *options, place.source, target, stderr=asyncio.subprocess.PIPE
    )
    said = (await skopeo.communicate())[1].decode()
    return skopeo.returncode == 0, said


async def immutability(harbor, place):
    project, repository, digest = place.project, place.repository, place.digest
    rule = ImmutableRule(
        action="immutable",
        template="immutable_template",
        tag_selectors=[ImmutableSelector(kind="doublestar", decoration="matches", pattern="v*")],
        scope_selectors={
            "repository": [ImmutableSelector(kind="doublestar", decoration="repoMatches", pattern="**")]
        },
    )
    location = await harbor.create_project_immutable_tag_rule(project, rule)
    await refused(Conflict, harbor.create_project_immutable_tag_rule(project, rule))
    rules = await harbor.get_project_immutable_tag_rules(project, page_size=1)
    assert [rule.tag_selectors[0].pattern for rule in rules] == ["v*"], rules
    rule = rules[0]
    assert location.endswith(f"/immutabletagrules/{rule.id}") and not rule.disabled, rule
    tags = await harbor.get_artifact_tags(project, repository, digest, with_immutable_status=True)
    assert [(tag.name, tag.immutable) for tag in tags] == [("v1", True)], tags

    done, said = await pushed(place, "v1", "--format", "v2s2")
    assert not done and "denied" in said, said
    done, said = await pushed(place, "v1")
    assert done, f"the same again is no change: {said}"
    await refused(PreconditionFailed, harbor.delete_artifact_tag(project, repository, digest, "v1"))
    await refused(PreconditionFailed, harbor.delete_artifact(project, repository, digest))
    await refused(PreconditionFailed, harbor.delete_repository(project, repository))
    assert (await harbor.get_artifact(project, repository, "v1")).digest == digest

    # Switched off, on again, and about other tags.
    number = (await harbor.get_project(project)).project_id
    await harbor.enable_project_immutable_tagrule(number, rule.id, False)
    assert (await harbor.get_project_immutable_tag_rules(number))[0].disabled
    await harbor.enable_project_immutable_tagrule(project, rule.id)
    await refused(PreconditionFailed, harbor.delete_artifact_tag(project, repository, digest, "v1"))
    rule.tag_selectors[0].pattern = "release-*"
    await harbor.update_project_immutable_tag_rule(project, rule.id, rule)
    rules = await harbor.get_project_immutable_tag_rules(project)
    assert [rule.tag_selectors[0].pattern for rule in rules] == ["release-*"], rules
    done, said = await pushed(place, "v1", "--format", "v2s2")
    assert done, said
    other = (await harbor.get_artifact(project, repository, "v1")).digest
    assert other != digest
    done, said = await pushed(place, "v1")
    assert done, said
    await harbor.delete_artifact(project, repository, other)
    await harbor.delete_project_immutable_tag_rule(project, rule.id)
    await refused(NotFound, harbor.delete_project_immutable_tag_rule(project, rule.id))
    assert await harbor.get_project_immutable_tag_rules(project) == []


async def retention(harbor, place):
    templates = (await harbor.get_retention_metadata()).templates
    assert "latestPushedK" in [template.rule_template for template in templates], templates
    await refused(NotFound, harbor.get_project_retention_id(place.project))
    project = await harbor.get_project(place.project)
    selector = RetentionSelector(kind="doublestar", decoration="matches", pattern="**")
    everywhere = RetentionSelector(kind="doublestar", decoration="repoMatches", pattern="**")
    rule = RetentionRule(
        action="retain",
        template="latestPushedK",
        params={"latestPushedK": 1},
        tag_selectors=[selector],
        scope_selectors={"repository": [everywhere]},
    )
    policy = RetentionPolicy(
        algorithm="or",
        rules=[rule],
        trigger=RetentionRuleTrigger(kind="Schedule", settings={"cron": "0 0 3 * * *"}),
        scope=RetentionPolicyScope(level="project", ref=project.project_id),
    )
    location = await harbor.create_retention_policy(policy)
    await refused(Conflict, harbor.create_retention_policy(policy))
    number = await harbor.get_project_retention_id(place.project)
    assert location.endswith(f"/retentions/{number}"), location
    policy = await harbor.get_retention_policy(number)
    assert policy.rules[0].params["latestPushedK"] == 1, policy
    policy.rules[0].params["latestPushedK"] = 5
    policy.trigger.settings["cron"] = ""
    await harbor.update_retention_policy(number, policy)
    assert (await harbor.get_retention_policy(number)).rules[0].params["latestPushedK"] == 5
    for dry_run in (True, False):
        location = await harbor.start_retention_execution(number, dry_run=dry_run)
        await retained(harbor, place, number, int(location.rsplit("/", 1)[1]), dry_run)
    await harbor.delete_retention_policy(number)
    await refused(NotFound, harbor.get_retention_policy(number))
    await refused(NotFound, harbor.get_project_retention_id(place.project))


async def retained(harbor, place, number, execution, dry_run):
    """Waits until the run has ended, and reads what it did."""
    while True:
        runs = await harbor.get_retention_executions(number)
        run = next(run for run in runs if run.id == execution)
        if run.status != "InProgress":
            break
        await asyncio.sleep(0.05)
    assert run.status == "Succeed" and run.dry_run == dry_run, run
    tasks = await harbor.get_retention_tasks(number, execution)
    assert [task.repository for task in tasks] == [place.repository], tasks
    assert tasks[0].retained == tasks[0].total == 1, tasks
    log = await harbor.get_retention_execution_task_log(number, execution, tasks[0].id)
    assert place.repository in log, log
    await harbor.stop_retention_execution(number, execution)


async def receiver(received):
    """Somebody who is told by plain HTTP: puts headers and body of each request into a queue. Answers with its address."""

    async def take(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()
        await received.put((head, json.loads(body)))

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"


async def webhooks(harbor, place):
    project = place.project
    supported = await harbor.get_webhook_supported_events(project)
    known = {kind.root for kind in supported.event_type}
    assert {"PUSH_ARTIFACT", "PULL_ARTIFACT", "DELETE_ARTIFACT", "TAG_RETENTION"} <= known, known
    assert [kind.root for kind in supported.notify_type] == ["http", "slack"], supported
    assert supported.payload_formats, supported
    received = asyncio.Queue()
    server, address = await receiver(received)
    target = WebhookTargetObject(
        type="http",
        address=address,
        auth_header="Bearer of-the-receiver",
        skip_cert_verify=False,
        payload_format=PayloadFormatType("Default"),
    )
    policy = WebhookPolicy(name="ci", targets=[target], event_types=["PUSH_ARTIFACT"], enabled=True)
    location = await harbor.create_webhook_policy(project, policy)
    await refused(Conflict, harbor.create_webhook_policy(project, policy))
    policies = await harbor.get_webhook_policies(project)
    assert [(one.name, one.enabled) for one in policies] == [("ci", True)], policies
    number = policies[0].id
    assert location.endswith(f"/webhook/policies/{number}"), location
    policy = await harbor.get_webhook_policy(project, number)
    assert policy.targets[0].address == address and policy.targets[0].auth_header is None, policy
    triggers = await harbor.get_webhook_policy_last_trigger(project)
    assert all(trigger.last_trigger_time is None for trigger in triggers), triggers
    # What was read can be written, and the secret that is not shown stays.
    policy.description = "builds"
    await harbor.update_webhook_policy(project, number, policy)
    assert (await harbor.get_webhook_policy(project, number)).description == "builds"

    done, said = await pushed(place, "told")
    assert done, said
    head, told = await received.get()
    assert "authorization: Bearer of-the-receiver" in head, head
    assert told["type"] == "PUSH_ARTIFACT", told
    resource = told["event_data"]["resources"][0]
    assert (resource["tag"], resource["digest"]) == ("told", place.digest), told
    await delivered(harbor, project, number)
    await harbor.delete_artifact_tag(project, place.repository, place.digest, "told")
    await harbor.delete_webhook_policy(project, number)
    await refused(NotFound, harbor.get_webhook_policy(project, number))
    assert await harbor.get_webhook_policies(project) == []
    server.close()


async def delivered(harbor, project, number):
    """What the policy did, as it is seen afterwards. The client has no methods for executions: it asks by their paths."""
    executions = f"/projects/{project}/webhook/policies/{number}/executions"
    while True:
        listed = await harbor.get(executions)
        if [execution["status"] for execution in listed] == ["Success"]:
            break
        await asyncio.sleep(0.05)
    assert listed[0]["vendor_type"] == "WEBHOOK" and listed[0]["vendor_id"] == number, listed
    of_execution = f"{executions}/{listed[0]['id']}/tasks"
    tasks = await harbor.get(of_execution)
    assert [task["status"] for task in tasks] == ["Success"], tasks
    log = await harbor.get_text(f"{of_execution}/{tasks[0]['id']}/log")
    assert "answered with status 204" in log and "of-the-receiver" not in log, log
    jobs = await harbor.get_webhook_jobs(project, number, status=["Success"])
    assert [(job.policy_id, job.event_type, job.status) for job in jobs] == [(number, "PUSH_ARTIFACT", "Success")], jobs
    triggers = await harbor.get_webhook_policy_last_trigger(project)
    last = next(trigger for trigger in triggers if trigger.event_type == "PUSH_ARTIFACT")
    assert last.policy_name == "ci" and last.last_trigger_time is not None, last


async def purges(harbor, place):
    """The audit log is purged by a schedule, by hand, and as a trial; and what is scheduled is seen."""
    assert (await harbor.get_purge_job_schedule()).schedule is None
    types = [known["event_type"] for known in await harbor.get("/auditlog-exts/events")]
    parameters = {"audit_retention_hour": 31 * 24, "dry_run": True, "include_event_types": ",".join(types)}
    schedule = Schedule(schedule=ScheduleObj(type="Custom", cron="0 30 2 * * *"), parameters=parameters)
    location = await harbor.create_purge_job_schedule(schedule)
    assert "/system/purgeaudit/" in location, location
    shown = await harbor.get_purge_job_schedule()
    assert shown.schedule.cron == "0 30 2 * * *" and shown.schedule.next_scheduled_time, shown
    assert json.loads(shown.job_parameters)["audit_retention_hour"] == 31 * 24, shown
    schedule.schedule.cron = "0 0 4 * * *"
    await harbor.update_purge_job_schedule(schedule)
    assert (await harbor.get_purge_job_schedule()).schedule.cron == "0 0 4 * * *"

    for dry_run in (True, False):
        parameters["dry_run"] = dry_run
        by_hand = Schedule(schedule=ScheduleObj(type="Manual"), parameters=parameters)
        location = await harbor.create_purge_job_schedule(by_hand)
        await purged(harbor, int(location.rsplit("/", 1)[1]), dry_run)
    wrong = Schedule(schedule=ScheduleObj(type="Manual"), parameters=parameters | {"audit_retention_hour": 1})
    await refused(BadRequest, harbor.create_purge_job_schedule(wrong))

    tasks = [ScheduleTask.model_validate(task) for task in await harbor.get("/schedules")]
    assert ("PURGE_AUDIT_LOG", "0 0 4 * * *") in [(task.vendor_type, task.cron) for task in tasks], tasks
    assert SchedulerStatus.model_validate(await harbor.get("/schedules/all/paused")).paused is False
    await harbor.update_purge_job_schedule(Schedule(schedule=ScheduleObj(type="None")))
    assert (await harbor.get_purge_job_schedule()).schedule is None
    assert await harbor.get("/schedules") == []


async def purged(harbor, number, dry_run):
    """Waits until the purge has ended, and reads what it did: everything is young."""
    while (purge := await harbor.get_purge_job(number)).job_status not in ("Success", "Error", "Stopped"):
        await asyncio.sleep(0.05)
    assert purge.job_status == "Success" and purge.job_kind == "MANUAL", purge
    assert json.loads(purge.job_parameters)["dry_run"] == dry_run, purge
    assert (await harbor.get_purge_job_history())[0].id == number
    log = await harbor.get_purge_job_log(number)
    assert ("0 events would leave" if dry_run else "0 events left") in log, log
    await refused(PreconditionFailed, harbor.stop_purge_job(number))


async def collections(harbor, place):
    """The account's garbage is collected by a schedule, as a trial and in earnest: everything is young."""
    # An empty answer says that there is none, as Harbor's does.
    await refused(HarborAPIException, harbor.get_gc_schedule())
    parameters = {"delete_untagged": True, "dry_run": True, "workers": 2}
    schedule = Schedule(schedule=ScheduleObj(type="Weekly", cron="0 0 0 * * 0"), parameters=parameters)
    location = await harbor.create_gc_schedule(schedule)
    assert location.endswith("/system/gc/0"), location
    await refused(PreconditionFailed, harbor.create_gc_schedule(schedule))
    shown = await harbor.get_gc_schedule()
    assert (shown.schedule.type.value, shown.schedule.cron) == ("Weekly", "0 0 0 * * 0"), shown
    schedule.schedule = ScheduleObj(type="Custom", cron="0 15 1 * * *")
    await harbor.update_gc_schedule(schedule)
    assert (await harbor.get_gc_schedule()).schedule.cron == "0 15 1 * * *"

    for dry_run in (True, False):
        parameters["dry_run"] = dry_run
        by_hand = Schedule(schedule=ScheduleObj(type="Manual"), parameters=parameters)
        location = await harbor.create_gc_schedule(by_hand)
        number = int(location.rsplit("/", 1)[1])
        while (run := await harbor.get_gc_job(number)).job_status not in ("Success", "Error", "Stopped"):
            await asyncio.sleep(0.05)
        assert (run.job_status, run.job_name, run.job_kind) == ("Success", "GARBAGE_COLLECTION", "MANUAL"), run
        came = json.loads(run.job_parameters)
        assert came == parameters | {"freed_space": 0, "purged_blobs": 0, "purged_manifests": 0}, came
        assert (await harbor.get_gc_jobs())[0].id == number
        log = await harbor.get_gc_log(number)
        assert log == [
            f"0 manifests, 0 blobs and 0 uploads {'would go' if dry_run else 'went'}; they counted for 0 bytes of the account"
        ], log
    wrong = Schedule(schedule=ScheduleObj(type="Manual"), parameters=parameters | {"workers": 11})
    await refused(BadRequest, harbor.create_gc_schedule(wrong))
    await refused(NotFound, harbor.get_gc_job(99999))
    await harbor.update_gc_schedule(Schedule(schedule=ScheduleObj(type="None")))
    await refused(HarborAPIException, harbor.get_gc_schedule())
