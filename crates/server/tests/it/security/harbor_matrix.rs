//! Every operation of Harbor's API, and what it needs: see [`super::matrix`].

use Action as A;
use Need::{
    Account, All, Any, Everyone, EveryoneFor, Known, KnownFor, Namespace, Part, Repository,
    Somewhere,
};
use model::Action;

use super::matrix::{Exception, Face, Need, Row, World, check};

const HOOK: &str =
    r#"{"name":"","targets":[{"type":"http","address":"https://hooks.example.com/"}]}"#;

/// Too young to be purged: refused to whoever may ask.
const PURGE: &str = r#"{"schedule":{"type":"Custom","cron":"0 0 3 * * *"},"parameters":{"audit_retention_hour":1}}"#;

/// With more workers than there may be: refused to whoever may ask.
const COLLECTION: &str =
    r#"{"schedule":{"type":"Custom","cron":"0 0 3 * * *"},"parameters":{"workers":11}}"#;

/// Project `own` has number 1.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("getPing", "/ping", "", Everyone),
    ("getHealth", "/health", "", Everyone),
    ("getSystemInfo", "/systeminfo", "", Everyone),
    ("getCert", "/systeminfo/getcert", "", Everyone),
    ("getVolumes", "/systeminfo/volumes", "", Account(A::QuotaRead)),
    ("pingOIDC", "/system/oidc/ping", r#"{"url":""}"#, Account(A::IdentitySourceCreate)),
    ("pingLdap", "/ldap/ping", "", Account(A::IdentitySourceCreate)),
    ("searchLdapUser", "/ldap/users/search", "", Account(A::LdapUserList)),
    ("importLdapUser", "/ldap/users/import", r#"{"ldap_uid_list":["zoe"]}"#, Account(A::LdapUserCreate)),
    ("searchLdapGroup", "/ldap/groups/search", "", Account(A::LdapUserList)),

    ("listProjects", "/projects", "", EveryoneFor(A::NamespaceRead)),
    ("headProject", "/projects?project_name=own", "", Known),
    ("createProject", "/projects", r#"{"project_name":"Not-A-Name"}"#, Account(A::NamespaceCreate)),
    ("getProject", "/projects/own", "", Part(A::NamespaceRead)),
    ("getProject", "/projects/1", "", Part(A::NamespaceRead)),
    ("updateProject", "/projects/own", r#"{"metadata":{"auto_scan":"true"}}"#, Namespace(A::NamespaceUpdate)),
    ("deleteProject", "/projects/own", "", Namespace(A::NamespaceDelete)),
    ("getProjectDeletable", "/projects/own/_deletable", "", Namespace(A::NamespaceDelete)),
    ("getProjectSummary", "/projects/own/summary", "", Part(A::NamespaceRead)),
    ("ListImmuRules", "/projects/own/immutabletagrules", "", Namespace(A::ImmutableTagList)),
    ("CreateImmuRule", "/projects/own/immutabletagrules", r#"{"tag_selectors":[]}"#, Namespace(A::ImmutableTagCreate)),
    ("UpdateImmuRule", "/projects/own/immutabletagrules/99", r#"{"disabled":true}"#, Namespace(A::ImmutableTagUpdate)),
    ("DeleteImmuRule", "/projects/own/immutabletagrules/99", "", Namespace(A::ImmutableTagDelete)),
    ("listProjectMetadatas", "/projects/own/metadatas", "", Namespace(A::MetadataList)),
    ("addProjectMetadatas", "/projects/own/metadatas", r#"{"retention_id":"1"}"#, Namespace(A::MetadataCreate)),
    ("getProjectMetadata", "/projects/own/metadatas/public", "", Namespace(A::MetadataRead)),
    ("updateProjectMetadata", "/projects/own/metadatas/auto_scan", r#"{"auto_scan":"true"}"#, Namespace(A::MetadataUpdate)),
    ("deleteProjectMetadata", "/projects/own/metadatas/severity", "", Namespace(A::MetadataDelete)),
    ("search", "/search?q=own", "", EveryoneFor(A::RepositoryList)),
    ("ListWebhookPoliciesOfProject", "/projects/own/webhook/policies", "", Namespace(A::NotificationPolicyList)),
    ("CreateWebhookPolicyOfProject", "/projects/own/webhook/policies", HOOK, Namespace(A::NotificationPolicyCreate)),
    ("GetWebhookPolicyOfProject", "/projects/own/webhook/policies/99999", "", Namespace(A::NotificationPolicyRead)),
    ("UpdateWebhookPolicyOfProject", "/projects/own/webhook/policies/99999", HOOK, Namespace(A::NotificationPolicyUpdate)),
    ("DeleteWebhookPolicyOfProject", "/projects/own/webhook/policies/99999", "", Namespace(A::NotificationPolicyDelete)),
    ("GetSupportedEventTypes", "/projects/own/webhook/events", "", Namespace(A::NotificationPolicyRead)),
    ("LastTrigger", "/projects/own/webhook/lasttrigger", "", Namespace(A::NotificationPolicyRead)),
    ("ListWebhookJobs", "/projects/own/webhook/jobs?policy_id=99999", "", Namespace(A::NotificationPolicyRead)),
    ("ListExecutionsOfWebhookPolicy", "/projects/own/webhook/policies/99999/executions", "", Namespace(A::NotificationPolicyRead)),
    ("ListTasksOfWebhookExecution", "/projects/own/webhook/policies/99999/executions/1/tasks", "", Namespace(A::NotificationPolicyRead)),
    ("GetLogsOfWebhookTask", "/projects/own/webhook/policies/99999/executions/1/tasks/1/log", "", Namespace(A::NotificationPolicyRead)),
    ("getIcon", "/icons/sha256:0000000000000000000000000000000000000000000000000000000000000000", "", Everyone),
    ("getSystemCVEAllowlist", "/system/CVEAllowlist", "", Known),
    ("putSystemCVEAllowlist", "/system/CVEAllowlist", r#"{"items":[{"cve_id":""}]}"#, Account(A::ConfigurationUpdate)),

    ("listAllRepositories", "/repositories", "", EveryoneFor(A::RepositoryList)),
    ("listRepositories", "/projects/own/repositories", "", Part(A::RepositoryList)),
    ("getRepository", "/projects/own/repositories/app", "", Repository(A::RepositoryRead)),
    ("updateRepository", "/projects/own/repositories/app", r#"{"description":""}"#, Repository(A::RepositoryUpdate)),
    ("deleteRepository", "/projects/own/repositories/app-none", "", Repository(A::RepositoryDelete)),
    ("listArtifactsOfProject", "/projects/own/artifacts", "", Part(A::ArtifactList)),
    ("listArtifacts", "/projects/own/repositories/app/artifacts", "", Repository(A::ArtifactList)),
    ("CopyArtifact", "/projects/own/repositories/app/artifacts?from=own/app-none:v1", "",
        All(&[Repository(A::ArtifactCreate), Repository(A::ArtifactRead)])),
    ("getArtifact", "/projects/own/repositories/app/artifacts/v1", "", Repository(A::ArtifactRead)),
    ("deleteArtifact", "/projects/own/repositories/app/artifacts/none", "", Repository(A::ArtifactDelete)),
    ("listTags", "/projects/own/repositories/app/artifacts/v1/tags", "", Repository(A::TagList)),
    ("createTag", "/projects/own/repositories/app/artifacts/v1/tags", r#"{"name":"not a tag"}"#, Repository(A::TagCreate)),
    ("deleteTag", "/projects/own/repositories/app/artifacts/v1/tags/none", "", Repository(A::TagDelete)),
    ("listAccessories", "/projects/own/repositories/app/artifacts/v1/accessories", "", Repository(A::AccessoryList)),
    ("getAddition", "/projects/own/repositories/app/artifacts/v1/additions/build_history", "", Repository(A::ArtifactAdditionRead)),
    ("addLabel", "/projects/own/repositories/app/artifacts/v1/labels", r#"{"id":99999}"#, Repository(A::ArtifactLabelCreate)),
    ("removeLabel", "/projects/own/repositories/app/artifacts/v1/labels/99999", "", Repository(A::ArtifactLabelDelete)),

    ("ListLabels", "/labels?scope=p&project_id=1", "", Namespace(A::LabelList)),
    ("ListLabels", "/labels?scope=g", "", Any(&[Account(A::LabelList), Somewhere(A::LabelList)])),
    ("CreateLabel", "/labels", r#"{"name":"first","scope":"p","project_id":1}"#, Namespace(A::LabelCreate)),
    ("CreateLabel", "/labels", r#"{"name":"","scope":"g"}"#, Account(A::LabelCreate)),
    ("GetLabelByID", "/labels/{label}", "", Namespace(A::LabelRead)),
    ("UpdateLabel", "/labels/{label}", r#"{"name":"second"}"#, Namespace(A::LabelUpdate)),
    ("DeleteLabel", "/labels/{label}", "", Namespace(A::LabelDelete)),

    ("getGCHistory", "/system/gc", "", Account(A::GarbageCollectionList)),
    ("getGCSchedule", "/system/gc/schedule", "", Account(A::GarbageCollectionRead)),
    ("createGCSchedule", "/system/gc/schedule", COLLECTION, Account(A::GarbageCollectionCreate)),
    ("updateGCSchedule", "/system/gc/schedule", COLLECTION, Account(A::GarbageCollectionUpdate)),
    ("getGC", "/system/gc/99999", "", Account(A::GarbageCollectionRead)),
    ("stopGC", "/system/gc/99999", "", Account(A::GarbageCollectionStop)),
    ("getGCLog", "/system/gc/99999/log", "", Account(A::GarbageCollectionRead)),
    ("getPurgeHistory", "/system/purgeaudit", "", Account(A::PurgeAuditList)),
    ("getPurgeSchedule", "/system/purgeaudit/schedule", "", Account(A::PurgeAuditRead)),
    ("createPurgeSchedule", "/system/purgeaudit/schedule", PURGE, Account(A::PurgeAuditCreate)),
    ("updatePurgeSchedule", "/system/purgeaudit/schedule", PURGE, Account(A::PurgeAuditUpdate)),
    ("getPurgeJob", "/system/purgeaudit/99999", "", Account(A::PurgeAuditRead)),
    ("stopPurge", "/system/purgeaudit/99999", "", Account(A::PurgeAuditStop)),
    ("getPurgeJobLog", "/system/purgeaudit/99999/log", "", Account(A::PurgeAuditRead)),
    ("getWorkerPools", "/jobservice/pools", "", Account(A::JobserviceMonitorList)),
    ("getWorkers", "/jobservice/pools/account/workers", "", Account(A::JobserviceMonitorList)),
    ("stopRunningJob", "/jobservice/jobs/none", "", Account(A::JobserviceMonitorStop)),
    ("actionGetJobLog", "/jobservice/jobs/none/log", "", Account(A::JobserviceMonitorList)),
    ("listJobQueues", "/jobservice/queues", "", Account(A::JobserviceMonitorList)),
    ("actionPendingJobs", "/jobservice/queues/none", r#"{"action":"resume"}"#, Account(A::JobserviceMonitorStop)),
    ("listSchedules", "/schedules", "", Account(A::JobserviceMonitorList)),
    ("getSchedulePaused", "/schedules/all/paused", "", Known),
    ("getRentenitionMetadata", "/retentions/metadatas", "", Everyone),
    ("createRetention", "/retentions", r#"{"rules":[],"scope":{"level":"project","ref":1},"trigger":{"kind":"Schedule","settings":{"cron":"never"}}}"#, Namespace(A::TagRetentionCreate)),
    ("getRetention", "/retentions/99999", "", Account(A::TagRetentionRead)),
    ("updateRetention", "/retentions/99999", r#"{"rules":[]}"#, Account(A::TagRetentionRead)),
    ("deleteRetention", "/retentions/99999", "", Account(A::TagRetentionDelete)),
    ("triggerRetentionExecution", "/retentions/99999/executions", "{}", Account(A::TagRetentionUpdate)),
    ("listRetentionExecutions", "/retentions/99999/executions", "", Account(A::TagRetentionList)),
    ("operateRetentionExecution", "/retentions/99999/executions/1", r#"{"action":"stop"}"#, Account(A::TagRetentionUpdate)),
    ("listRetentionTasks", "/retentions/99999/executions/1/tasks", "", Account(A::TagRetentionList)),
    ("getRetentionTaskLog", "/retentions/99999/executions/1/tasks/1", "", Account(A::TagRetentionRead)),

    ("getStatistic", "/statistics", "", KnownFor(A::NamespaceRead)),
    ("listQuotas", "/quotas", "", Account(A::QuotaList)),
    ("getQuota", "/quotas/1", "", Account(A::QuotaRead)),
    ("updateQuota", "/quotas/1", r#"{"hard":{"storage":-1}}"#, Account(A::QuotaUpdate)),

    ("getPermissions", "/permissions", "", Any(&[Account(A::RobotCreate), Somewhere(A::RobotCreate)])),
    ("ListRobot", "/robots?q=Level%3Dproject%2CProjectID%3D1", "", Namespace(A::RobotList)),
    ("ListRobot", "/robots", "", Account(A::RobotList)),
    ("CreateRobot", "/robots", NEW_ROBOT, Namespace(A::RobotCreate)),
    ("GetRobotByID", "/robots/{robot}", "", Namespace(A::RobotRead)),
    ("UpdateRobot", "/robots/{robot}", r#"{"name":"another","level":"project","permissions":[]}"#, Namespace(A::RobotUpdate)),
    ("RefreshSec", "/robots/{robot}", r#"{"secret":"weak"}"#, Namespace(A::RobotUpdate)),
    ("DeleteRobot", "/robots/{robot}", "", Namespace(A::RobotDelete)),

    ("getConfigurations", "/configurations", "", Account(A::ConfigurationRead)),
    ("getInternalconfig", "/internalconfig", "", Account(A::ConfigurationRead)),
    ("updateConfigurations", "/configurations", r#"{"robot_token_duration":-5}"#, Account(A::ConfigurationUpdate)),
    ("listAuditLogs", "/audit-logs", "", KnownFor(A::LogList)),
    ("listAuditLogExts", "/auditlog-exts", "", KnownFor(A::LogList)),
    ("listAuditLogEventTypes", "/auditlog-exts/events", "", Account(A::AuditLogList)),
    ("getLogs", "/projects/own/logs", "", Namespace(A::LogList)),
    ("getLogExts", "/projects/own/auditlog-exts", "", Namespace(A::LogList)),

    ("listProjectMembers", "/projects/own/members", "", Namespace(A::MemberList)),
    ("createProjectMember", "/projects/own/members", r#"{"role_id":2,"member_user":{"username":"nobody-there"}}"#, Namespace(A::MemberCreate)),
    ("getProjectMember", "/projects/own/members/99999", "", Namespace(A::MemberRead)),
    ("updateProjectMember", "/projects/own/members/99999", r#"{"role_id":2}"#, Namespace(A::MemberUpdate)),
    ("deleteProjectMember", "/projects/own/members/99999", "", Namespace(A::MemberDelete)),

    ("listUsers", "/users", "", Account(A::UserList)),
    ("createUser", "/users", r#"{"username":"weak","password":"weak"}"#, Account(A::UserCreate)),
    ("getCurrentUserInfo", "/users/current", "", Known),
    ("getCurrentUserPermissions", "/users/current/permissions", "", Known),
    ("searchUsers", "/users/search?username=nobody", "", KnownFor(A::MemberList)),
    ("getUser", "/users/99999", "", Account(A::UserRead)),
    ("updateUserProfile", "/users/99999", r#"{"email":"a@example.com"}"#, Account(A::UserUpdate)),
    ("deleteUser", "/users/99999", "", Account(A::UserDelete)),
    ("updateUserPassword", "/users/99999/password", r#"{"new_password":"Another-horse-7"}"#, Account(A::UserUpdate)),
    ("setCliSecret", "/users/99999/cli_secret", r#"{"secret":"Another-horse-7"}"#, Account(A::UserUpdate)),
    ("setUserSysAdmin", "/users/99999/sysadmin", r#"{"sysadmin_flag":true}"#, Account(A::UserUpdate)),
    ("listUserGroups", "/usergroups", "", Account(A::UserGroupList)),
    ("createUserGroup", "/usergroups", r#"{"group_name":"","group_type":2}"#, Account(A::UserGroupCreate)),
    ("searchUserGroups", "/usergroups/search?groupname=none", "", KnownFor(A::MemberList)),
    ("getUserGroup", "/usergroups/99999", "", Account(A::UserGroupRead)),
    ("updateUserGroup", "/usergroups/99999", r#"{"group_name":"other"}"#, Account(A::UserGroupUpdate)),
    ("deleteUserGroup", "/usergroups/99999", "", Account(A::UserGroupDelete)),
];

const NEW_ROBOT: &str = r#"{"name":"Not A Name","level":"project","duration":-1,"permissions":[{"kind":"project",
    "namespace":"own","access":[{"resource":"repository","action":"pull"}]}]}"#;

const EXCEPTIONS: &[Exception] = &[Exception {
    operations: &["GetRobotByID", "UpdateRobot", "RefreshSec", "DeleteRobot"],
    callers: &["robot-of-account"],
    is_through: true,
    reason: "it sees the account's robot accounts, so it is told that there is none of a namespace's number",
}];

#[tokio::test]
async fn every_operation_lets_those_through_who_may_and_nobody_else() {
    let face = Face::harbor();
    check(&World::start().await, &face, ROWS, EXCEPTIONS).await;
}
