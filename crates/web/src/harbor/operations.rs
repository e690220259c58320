//! Every operation that works, by the name that Harbor's contract gives it.

use super::gc;
use super::immutable;
use super::jobservice;
use super::purges;
use super::reply::Reply;
use super::retentions;
use super::schedules;
use super::webhooks;
use super::{Call, HarborError, audit_logs, groups, members, projects, system, users};
use super::{
    accessories, additions, allowlists, artifacts, icons, labels, repositories, search, tags,
};
use super::{configurations, ldap, oidc, permissions, quotas, robots, statistics};
use crate::path::{self, Found, Route, decode_twice};
use futures_util::future::BoxFuture;
use http::Method;

type Run = for<'a> fn(&'a Call<'a>) -> BoxFuture<'a, Result<Reply, HarborError>>;

/// An operation of Harbor's contract that works.
pub struct Operation {
    /// Its `operationId` in Harbor's swagger.
    pub id: &'static str,
    /// Its method.
    pub method: &'static str,
    /// Its path under `/api/v2.0`.
    pub path: &'static str,
    run: Run,
}

impl Operation {
    pub(super) fn run<'a>(&self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply, HarborError>> {
        (self.run)(call)
    }
}

impl Route for Operation {
    fn route(&self) -> (&'static str, &'static str) {
        (self.method, self.path)
    }
}

macro_rules! operations {
    ($($id:ident $method:literal $path:literal => $noun:ident :: $run:ident,)*) => {
        /// Every operation that works. What is not here is answered 404.
        pub const OPERATIONS: &[Operation] = &[$(Operation {
            id: stringify!($id),
            method: $method,
            path: $path,
            run: |call| Box::pin($noun::$run(call)),
        },)*];
    };
}

// A path whose place could take another's word stands after that one: `/users/{user_id}` after `/users/current`.
operations! {
    getPing "GET" "/ping" => system::ping,
    getHealth "GET" "/health" => system::health,
    getSystemInfo "GET" "/systeminfo" => system::info,
    getVolumes "GET" "/systeminfo/volumes" => system::volumes,
    pingOIDC "POST" "/system/oidc/ping" => oidc::ping,
    pingLdap "POST" "/ldap/ping" => ldap::ping,
    searchLdapUser "GET" "/ldap/users/search" => ldap::search_users,
    importLdapUser "POST" "/ldap/users/import" => ldap::import_users,
    searchLdapGroup "GET" "/ldap/groups/search" => ldap::search_groups,
    getSystemCVEAllowlist "GET" "/system/CVEAllowlist" => allowlists::get,
    putSystemCVEAllowlist "PUT" "/system/CVEAllowlist" => allowlists::put,
    getCert "GET" "/systeminfo/getcert" => system::certificate,
    listProjects "GET" "/projects" => projects::list,
    headProject "HEAD" "/projects" => projects::head,
    createProject "POST" "/projects" => projects::create,
    getProject "GET" "/projects/{project_name_or_id}" => projects::get,
    updateProject "PUT" "/projects/{project_name_or_id}" => projects::update,
    deleteProject "DELETE" "/projects/{project_name_or_id}" => projects::delete,
    getProjectDeletable "GET" "/projects/{project_name_or_id}/_deletable" => projects::deletable,
    listProjectMetadatas "GET" "/projects/{project_name_or_id}/metadatas" => projects::list_metadata,
    addProjectMetadatas "POST" "/projects/{project_name_or_id}/metadatas" => projects::add_metadata,
    getProjectMetadata "GET" "/projects/{project_name_or_id}/metadatas/{meta_name}" => projects::get_metadata,
    updateProjectMetadata "PUT" "/projects/{project_name_or_id}/metadatas/{meta_name}" => projects::update_metadata,
    deleteProjectMetadata "DELETE" "/projects/{project_name_or_id}/metadatas/{meta_name}" => projects::delete_metadata,
    search "GET" "/search" => search::search,
    getIcon "GET" "/icons/{digest}" => icons::get,
    listAllRepositories "GET" "/repositories" => repositories::list_all,
    listRepositories "GET" "/projects/{project_name}/repositories" => repositories::list,
    getRepository "GET" "/projects/{project_name}/repositories/{repository_name}" => repositories::get,
    updateRepository "PUT" "/projects/{project_name}/repositories/{repository_name}" => repositories::update,
    deleteRepository "DELETE" "/projects/{project_name}/repositories/{repository_name}" => repositories::delete,
    listArtifactsOfProject "GET" "/projects/{project_name_or_id}/artifacts" => artifacts::list_of_project,
    listArtifacts "GET" "/projects/{project_name}/repositories/{repository_name}/artifacts" => artifacts::list,
    CopyArtifact "POST" "/projects/{project_name}/repositories/{repository_name}/artifacts" => artifacts::copy,
    getArtifact "GET" "/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}" => artifacts::get,
    deleteArtifact "DELETE" "/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}" => artifacts::delete,
    listTags "GET" "/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/tags" => tags::list,
    createTag "POST" "/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/tags" => tags::create,
    deleteTag "DELETE" "/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/tags/{tag_name}" => tags::delete,
    listAccessories "GET" "/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/accessories" => accessories::list,
    getAddition "GET" "/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/additions/{addition}" => additions::get,
    addLabel "POST" "/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/labels" => labels::attach,
    removeLabel "DELETE" "/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/labels/{label_id}" => labels::detach,
    GetSupportedEventTypes "GET" "/projects/{project_name_or_id}/webhook/events" => webhooks::event_types,
    LastTrigger "GET" "/projects/{project_name_or_id}/webhook/lasttrigger" => webhooks::last_triggers,
    ListWebhookJobs "GET" "/projects/{project_name_or_id}/webhook/jobs" => webhooks::jobs,
    ListWebhookPoliciesOfProject "GET" "/projects/{project_name_or_id}/webhook/policies" => webhooks::list,
    CreateWebhookPolicyOfProject "POST" "/projects/{project_name_or_id}/webhook/policies" => webhooks::create,
    GetWebhookPolicyOfProject "GET" "/projects/{project_name_or_id}/webhook/policies/{webhook_policy_id}" => webhooks::get,
    UpdateWebhookPolicyOfProject "PUT" "/projects/{project_name_or_id}/webhook/policies/{webhook_policy_id}" => webhooks::update,
    DeleteWebhookPolicyOfProject "DELETE" "/projects/{project_name_or_id}/webhook/policies/{webhook_policy_id}" => webhooks::delete,
    ListExecutionsOfWebhookPolicy "GET" "/projects/{project_name_or_id}/webhook/policies/{webhook_policy_id}/executions" => webhooks::executions,
    ListTasksOfWebhookExecution "GET" "/projects/{project_name_or_id}/webhook/policies/{webhook_policy_id}/executions/{execution_id}/tasks" => webhooks::tasks,
    GetLogsOfWebhookTask "GET" "/projects/{project_name_or_id}/webhook/policies/{webhook_policy_id}/executions/{execution_id}/tasks/{task_id}/log" => webhooks::log,
    ListImmuRules "GET" "/projects/{project_name_or_id}/immutabletagrules" => immutable::list,
    CreateImmuRule "POST" "/projects/{project_name_or_id}/immutabletagrules" => immutable::create,
    UpdateImmuRule "PUT" "/projects/{project_name_or_id}/immutabletagrules/{immutable_rule_id}" => immutable::update,
    DeleteImmuRule "DELETE" "/projects/{project_name_or_id}/immutabletagrules/{immutable_rule_id}" => immutable::delete,
    ListLabels "GET" "/labels" => labels::list,
    CreateLabel "POST" "/labels" => labels::create,
    GetLabelByID "GET" "/labels/{label_id}" => labels::get,
    UpdateLabel "PUT" "/labels/{label_id}" => labels::update,
    DeleteLabel "DELETE" "/labels/{label_id}" => labels::delete,
    getProjectSummary "GET" "/projects/{project_name_or_id}/summary" => statistics::of_project,
    getStatistic "GET" "/statistics" => statistics::of_account,
    listQuotas "GET" "/quotas" => quotas::list,
    getQuota "GET" "/quotas/{id}" => quotas::get,
    updateQuota "PUT" "/quotas/{id}" => quotas::update,
    getGCHistory "GET" "/system/gc" => gc::list,
    getGCSchedule "GET" "/system/gc/schedule" => gc::get_schedule,
    createGCSchedule "POST" "/system/gc/schedule" => gc::create_schedule,
    updateGCSchedule "PUT" "/system/gc/schedule" => gc::update_schedule,
    getGC "GET" "/system/gc/{gc_id}" => gc::get,
    stopGC "PUT" "/system/gc/{gc_id}" => gc::stop,
    getGCLog "GET" "/system/gc/{gc_id}/log" => gc::log,
    getPurgeHistory "GET" "/system/purgeaudit" => purges::list,
    getPurgeSchedule "GET" "/system/purgeaudit/schedule" => purges::get_schedule,
    createPurgeSchedule "POST" "/system/purgeaudit/schedule" => purges::create_schedule,
    updatePurgeSchedule "PUT" "/system/purgeaudit/schedule" => purges::update_schedule,
    getPurgeJob "GET" "/system/purgeaudit/{purge_id}" => purges::get,
    stopPurge "PUT" "/system/purgeaudit/{purge_id}" => purges::stop,
    getPurgeJobLog "GET" "/system/purgeaudit/{purge_id}/log" => purges::log,
    getWorkerPools "GET" "/jobservice/pools" => jobservice::pools,
    getWorkers "GET" "/jobservice/pools/{pool_id}/workers" => jobservice::workers,
    stopRunningJob "PUT" "/jobservice/jobs/{job_id}" => jobservice::stop,
    actionGetJobLog "GET" "/jobservice/jobs/{job_id}/log" => jobservice::log,
    listJobQueues "GET" "/jobservice/queues" => jobservice::queues,
    actionPendingJobs "PUT" "/jobservice/queues/{job_type}" => jobservice::act,
    listSchedules "GET" "/schedules" => schedules::list,
    getSchedulePaused "GET" "/schedules/{job_type}/paused" => schedules::paused,
    getRentenitionMetadata "GET" "/retentions/metadatas" => retentions::metadata,
    createRetention "POST" "/retentions" => retentions::create,
    getRetention "GET" "/retentions/{id}" => retentions::get,
    updateRetention "PUT" "/retentions/{id}" => retentions::update,
    deleteRetention "DELETE" "/retentions/{id}" => retentions::delete,
    triggerRetentionExecution "POST" "/retentions/{id}/executions" => retentions::start,
    listRetentionExecutions "GET" "/retentions/{id}/executions" => retentions::list_executions,
    operateRetentionExecution "PATCH" "/retentions/{id}/executions/{eid}" => retentions::operate,
    listRetentionTasks "GET" "/retentions/{id}/executions/{eid}/tasks" => retentions::list_tasks,
    getRetentionTaskLog "GET" "/retentions/{id}/executions/{eid}/tasks/{tid}" => retentions::log,
    getPermissions "GET" "/permissions" => permissions::list,
    ListRobot "GET" "/robots" => robots::list,
    CreateRobot "POST" "/robots" => robots::create,
    GetRobotByID "GET" "/robots/{robot_id}" => robots::get,
    UpdateRobot "PUT" "/robots/{robot_id}" => robots::update,
    RefreshSec "PATCH" "/robots/{robot_id}" => robots::refresh_secret,
    DeleteRobot "DELETE" "/robots/{robot_id}" => robots::delete,
    getConfigurations "GET" "/configurations" => configurations::get,
    getInternalconfig "GET" "/internalconfig" => configurations::get,
    updateConfigurations "PUT" "/configurations" => configurations::update,
    listAuditLogs "GET" "/audit-logs" => audit_logs::list,
    listAuditLogExts "GET" "/auditlog-exts" => audit_logs::list_extended,
    listAuditLogEventTypes "GET" "/auditlog-exts/events" => audit_logs::event_types,
    getLogs "GET" "/projects/{project_name}/logs" => audit_logs::list_of_project,
    getLogExts "GET" "/projects/{project_name}/auditlog-exts" => audit_logs::list_extended_of_project,
    listProjectMembers "GET" "/projects/{project_name_or_id}/members" => members::list,
    createProjectMember "POST" "/projects/{project_name_or_id}/members" => members::create,
    getProjectMember "GET" "/projects/{project_name_or_id}/members/{mid}" => members::get,
    updateProjectMember "PUT" "/projects/{project_name_or_id}/members/{mid}" => members::update,
    deleteProjectMember "DELETE" "/projects/{project_name_or_id}/members/{mid}" => members::delete,
    listUsers "GET" "/users" => users::list,
    createUser "POST" "/users" => users::create,
    getCurrentUserInfo "GET" "/users/current" => users::current,
    getCurrentUserPermissions "GET" "/users/current/permissions" => users::current_permissions,
    searchUsers "GET" "/users/search" => users::search,
    getUser "GET" "/users/{user_id}" => users::get,
    updateUserProfile "PUT" "/users/{user_id}" => users::update,
    deleteUser "DELETE" "/users/{user_id}" => users::delete,
    updateUserPassword "PUT" "/users/{user_id}/password" => users::set_password,
    setCliSecret "PUT" "/users/{user_id}/cli_secret" => users::set_cli_secret,
    setUserSysAdmin "PUT" "/users/{user_id}/sysadmin" => users::set_administrator,
    listUserGroups "GET" "/usergroups" => groups::list,
    createUserGroup "POST" "/usergroups" => groups::create,
    searchUserGroups "GET" "/usergroups/search" => groups::search,
    getUserGroup "GET" "/usergroups/{group_id}" => groups::get,
    updateUserGroup "PUT" "/usergroups/{group_id}" => groups::update,
    deleteUserGroup "DELETE" "/usergroups/{group_id}" => groups::delete,
}

/// The operation that a method and a path, after the prefix, ask for.
pub(super) fn find(method: &Method, path: &str) -> Found<Operation> {
    path::find(OPERATIONS, method, path, decode_twice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &str, path: &str) -> &'static str {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        match find(&method, path) {
            Found::Operation(operation, _) => operation.id,
            Found::OtherMethods(_) => "other methods",
            Found::Nothing => "nothing",
        }
    }

    #[test]
    fn a_request_finds_its_operation() {
        assert_eq!(found("GET", "/projects"), "listProjects");
        assert_eq!(found("GET", "/projects/"), "listProjects");
        assert_eq!(found("HEAD", "/projects"), "headProject");
        assert_eq!(found("HEAD", "/projects/library"), "getProject");
        assert_eq!(found("GET", "/users/current"), "getCurrentUserInfo");
        assert_eq!(
            found("GET", "/projects/library/metadatas/"),
            "listProjectMetadatas"
        );
        assert_eq!(found("PATCH", "/projects"), "other methods");
        assert_eq!(found("GET", "/replication/policies"), "nothing");
    }

    /// The table that people read says of each operation of the contract whether it works.
    #[test]
    fn the_table_of_operations_is_true() {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/reference/harbor-api.md"
        );
        let text = std::fs::read_to_string(file).expect("the table");
        let rows: Vec<Vec<&str>> = text
            .lines()
            .filter(|line| line.starts_with("| `"))
            .map(|line| {
                line.split('|')
                    .map(|cell| cell.trim().trim_matches('`'))
                    .collect()
            })
            .collect();
        assert_eq!(rows.len(), 203, "Harbor's contract has 203 operations");
        for row in &rows {
            let (id, method, path) = (row[1], row[2], row[3]);
            let works = OPERATIONS.iter().any(|operation| {
                operation.id == id && operation.method == method && operation.path == path
            });
            assert_eq!(row[4] == "yes", works, "{id}");
        }
        for operation in OPERATIONS {
            let is_known = rows.iter().any(|row| row[1] == operation.id);
            assert!(is_known, "{} is no operation of the contract", operation.id);
        }
        let stated = format!("{} of 203 operations work", OPERATIONS.len());
        assert!(text.contains(&stated), "not {stated}");
    }

    #[test]
    fn every_operation_can_be_reached_by_its_own_path() {
        for operation in OPERATIONS {
            assert_eq!(found(operation.method, operation.path), operation.id);
        }
    }
}
