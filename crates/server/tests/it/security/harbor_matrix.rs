//! Every operation of Harbor's API and every kind of caller: who may is in a table, and an operation without a row fails.
//!
//! Each request is one that cannot succeed for another reason, or changes nothing: what is looked at is whether its caller
//! was let through. 401 and 403 mean that it was not, and 404 for the administrator of another account.

use std::fmt::Write as _;

use serde_json::Value;
use web::harbor::OPERATIONS;

use super::secret_of;
use crate::registry::TestRegistry;
use crate::registry::client::Client;

/// Everyone: anonymous, a user without roles, the three weaker roles in project `own`, the administrator's token for
/// pulling, another account's administrator, and then those who may delete things: the two stronger roles and the
/// account's administrator.
const EVERYONE: &str = "xsLGDTFMPA";
/// Everyone who has logged in.
const USERS: &str = "sLGDTFMPA";
/// Everyone who may see project `own`.
const SEERS: &str = "LGDTMPA";

/// Operation, path below the API, body, and who may. Project `own` has number 2; label and robot account 1 are of it.
const ROWS: &[(&str, &str, &str, &str)] = &[
    ("getPing", "/ping", "", EVERYONE),
    ("getHealth", "/health", "", EVERYONE),
    ("getSystemInfo", "/systeminfo", "", EVERYONE),
    ("getCert", "/systeminfo/getcert", "", EVERYONE),
    ("pingOIDC", "/system/oidc/ping", r#"{"url":""}"#, "AF"),
    // Another account's administrator sees its own account's room.
    ("getVolumes", "/systeminfo/volumes", "", "AF"),
    ("listProjects", "/projects", "", EVERYONE),
    ("headProject", "/projects?project_name=own", "", USERS),
    (
        "createProject",
        "/projects",
        r#"{"project_name":"Not-A-Name"}"#,
        "AF",
    ),
    ("getProject", "/projects/own", "", SEERS),
    (
        "updateProject",
        "/projects/own",
        r#"{"metadata":{"auto_scan":"true"}}"#,
        "PA",
    ),
    ("deleteProject", "/projects/own", "", "PA"),
    ("getProjectDeletable", "/projects/own/_deletable", "", "PA"),
    ("getProjectSummary", "/projects/own/summary", "", SEERS),
    ("listProjectMetadatas", "/projects/own/metadatas", "", "A"),
    (
        "addProjectMetadatas",
        "/projects/own/metadatas",
        r#"{"retention_id":"1"}"#,
        "PA",
    ),
    (
        "getProjectMetadata",
        "/projects/own/metadatas/public",
        "",
        "MPA",
    ),
    (
        "updateProjectMetadata",
        "/projects/own/metadatas/auto_scan",
        r#"{"auto_scan":"true"}"#,
        "PA",
    ),
    (
        "deleteProjectMetadata",
        "/projects/own/metadatas/severity",
        "",
        "PA",
    ),
    ("search", "/search?q=own", "", EVERYONE),
    ("listAllRepositories", "/repositories", "", EVERYONE),
    ("listRepositories", "/projects/own/repositories", "", SEERS),
    ("getRepository", "/projects/own/repositories/app", "", SEERS),
    (
        "updateRepository",
        "/projects/own/repositories/app",
        r#"{"description":""}"#,
        "DMPA",
    ),
    (
        "deleteRepository",
        "/projects/own/repositories/none",
        "",
        "MPA",
    ),
    (
        "listArtifactsOfProject",
        "/projects/own/artifacts",
        "",
        SEERS,
    ),
    (
        "listArtifacts",
        "/projects/own/repositories/app/artifacts",
        "",
        SEERS,
    ),
    (
        "CopyArtifact",
        "/projects/own/repositories/app/artifacts?from=own/none:v1",
        "",
        "DMPA",
    ),
    (
        "getArtifact",
        "/projects/own/repositories/app/artifacts/v1",
        "",
        SEERS,
    ),
    (
        "deleteArtifact",
        "/projects/own/repositories/app/artifacts/none",
        "",
        "MPA",
    ),
    (
        "listTags",
        "/projects/own/repositories/app/artifacts/v1/tags",
        "",
        SEERS,
    ),
    (
        "createTag",
        "/projects/own/repositories/app/artifacts/v1/tags",
        r#"{"name":"not a tag"}"#,
        "DMPA",
    ),
    (
        "deleteTag",
        "/projects/own/repositories/app/artifacts/v1/tags/none",
        "",
        "MPA",
    ),
    (
        "listAccessories",
        "/projects/own/repositories/app/artifacts/v1/accessories",
        "",
        SEERS,
    ),
    (
        "getAddition",
        "/projects/own/repositories/app/artifacts/v1/additions/build_history",
        "",
        SEERS,
    ),
    (
        "addLabel",
        "/projects/own/repositories/app/artifacts/v1/labels",
        r#"{"id":99999}"#,
        "DMPA",
    ),
    (
        "removeLabel",
        "/projects/own/repositories/app/artifacts/v1/labels/99999",
        "",
        "DMPA",
    ),
    ("ListLabels", "/labels?scope=p&project_id=2", "", "GDTMPA"),
    (
        "CreateLabel",
        "/labels",
        r#"{"name":"of-own","scope":"p","project_id":2}"#,
        "MPA",
    ),
    ("GetLabelByID", "/labels/1", "", "GDTMPA"),
    ("UpdateLabel", "/labels/1", r#"{"name":"of-own"}"#, "MPA"),
    // P may, too, but comes after M: by then there is no such label, and only the administrator is told so.
    ("DeleteLabel", "/labels/1", "", "MA"),
    ("getStatistic", "/statistics", "", USERS),
    ("listQuotas", "/quotas", "", "AF"),
    ("getQuota", "/quotas/2", "", "A"),
    (
        "updateQuota",
        "/quotas/2",
        r#"{"hard":{"storage":-1}}"#,
        "A",
    ),
    ("getPermissions", "/permissions", "", "PAF"),
    (
        "ListRobot",
        "/robots?q=Level%3Dproject%2CProjectID%3D2",
        "",
        "GDMPA",
    ),
    ("CreateRobot", "/robots", NEW_ROBOT, "PA"),
    ("GetRobotByID", "/robots/1", "", "GDMPA"),
    (
        "UpdateRobot",
        "/robots/1",
        r#"{"name":"another","level":"project","permissions":[]}"#,
        "PA",
    ),
    ("RefreshSec", "/robots/1", r#"{"secret":"weak"}"#, "PA"),
    ("DeleteRobot", "/robots/1", "", "PA"),
    ("getConfigurations", "/configurations", "", "AF"),
    (
        "updateConfigurations",
        "/configurations",
        r#"{"robot_token_duration":-5}"#,
        "AF",
    ),
    ("listAuditLogs", "/audit-logs", "", "sLGDFMPA"),
    ("listAuditLogExts", "/auditlog-exts", "", "sLGDFMPA"),
    ("listAuditLogEventTypes", "/auditlog-exts/events", "", "AF"),
    ("getLogs", "/projects/own/logs", "", "PA"),
    ("getLogExts", "/projects/own/auditlog-exts", "", "PA"),
    ("listProjectMembers", "/projects/own/members", "", "GDTMPA"),
    (
        "createProjectMember",
        "/projects/own/members",
        r#"{"role_id":2,"member_user":{"username":"nobody-there"}}"#,
        "PA",
    ),
    (
        "getProjectMember",
        "/projects/own/members/99999",
        "",
        "GDMPA",
    ),
    (
        "updateProjectMember",
        "/projects/own/members/99999",
        r#"{"role_id":2}"#,
        "PA",
    ),
    (
        "deleteProjectMember",
        "/projects/own/members/99999",
        "",
        "PA",
    ),
    ("listUsers", "/users", "", "AF"),
    (
        "createUser",
        "/users",
        r#"{"username":"weak","password":"weak"}"#,
        "AF",
    ),
    ("getCurrentUserInfo", "/users/current", "", USERS),
    (
        "getCurrentUserPermissions",
        "/users/current/permissions",
        "",
        USERS,
    ),
    ("searchUsers", "/users/search?username=nobody", "", USERS),
    ("getUser", "/users/99999", "", "AF"),
    (
        "updateUserProfile",
        "/users/99999",
        r#"{"email":"a@example.com"}"#,
        "AF",
    ),
    ("deleteUser", "/users/99999", "", "AF"),
    (
        "updateUserPassword",
        "/users/99999/password",
        r#"{"new_password":"Another-horse-7"}"#,
        "AF",
    ),
    (
        "setUserSysAdmin",
        "/users/99999/sysadmin",
        r#"{"sysadmin_flag":true}"#,
        "AF",
    ),
    ("listUserGroups", "/usergroups", "", "AF"),
    (
        "createUserGroup",
        "/usergroups",
        r#"{"group_name":"","group_type":2}"#,
        "AF",
    ),
    (
        "searchUserGroups",
        "/usergroups/search?groupname=none",
        "",
        USERS,
    ),
    ("getUserGroup", "/usergroups/99999", "", "AF"),
    (
        "updateUserGroup",
        "/usergroups/99999",
        r#"{"group_name":"other"}"#,
        "AF",
    ),
    ("deleteUserGroup", "/usergroups/99999", "", "AF"),
];

const NEW_ROBOT: &str = r#"{"name":"Not A Name","level":"project","duration":-1,"permissions":[{"kind":"project",
    "namespace":"own","access":[{"resource":"repository","action":"pull"}]}]}"#;

struct Callers(Vec<(char, Client)>);

impl Callers {
    async fn make(registry: &TestRegistry) -> Self {
        registry.admin(&["namespace", "create", "own"]);
        registry.push_image("own/app", "v1").await;
        registry.admin(&["robot", "create", "ci", "--namespace", "own"]);
        let foreign = registry.create_account("other", "foreign");
        let token = registry.create_access_token("admin", "for pulling", &["pull"]);
        let member = |name| registry.create_member("own", name, name);
        let callers = vec![
            ('x', registry.anonymous()),
            ('s', registry.create_user("stranger")),
            ('L', member("limited-guest")),
            ('G', member("guest")),
            ('D', member("developer")),
            ('T', registry.as_user("admin", &secret_of(&token))),
            ('F', foreign),
            ('M', member("maintainer")),
            ('P', member("project-admin")),
            ('A', registry.client(registry.credentials().clone())),
        ];
        make_what_is_asked_for(registry).await;
        Self(callers)
    }
}

async fn make_what_is_asked_for(registry: &TestRegistry) {
    let own = registry
        .get("/api/v2.0/projects/own")
        .await
        .assert_status(200)
        .json();
    assert_eq!(own["project_id"], 2);
    let label = r#"{"name":"good","scope":"p","project_id":2}"#;
    let call = registry.request(http::Method::POST, "/api/v2.0/labels");
    let made = call
        .content_type("application/json")
        .body(label)
        .await
        .assert_status(201);
    assert_eq!(made.location(), "/api/v2.0/labels/1");
}

#[tokio::test]
async fn every_operation_lets_those_through_who_may_and_nobody_else() {
    let registry = TestRegistry::start().await;
    let callers = Callers::make(&registry).await;
    let mut problems = String::new();
    for operation in OPERATIONS {
        let rows: Vec<_> = ROWS.iter().filter(|row| row.0 == operation.id).collect();
        if rows.is_empty() {
            _ = writeln!(problems, "{} has no row", operation.id);
        }
        for (id, path, body, allowed) in rows {
            for (letter, caller) in &callers.0 {
                let method = operation.method.parse().expect("a method");
                let mut call = caller.request(method, &format!("/api/v2.0{path}"));
                if !body.is_empty() {
                    serde_json::from_str::<Value>(body).expect("JSON");
                    call = call.content_type("application/json").body(*body);
                }
                let status = call.await.status();
                let expected = if allowed.contains(*letter) {
                    status != 401 && status != 403 && status < 500
                } else {
                    match letter {
                        'x' => status == 401,
                        // In its own account, where it may do everything, there is no such thing.
                        'F' => status == 403 || status == 404,
                        _ => status == 403,
                    }
                };
                if !expected {
                    _ = writeln!(
                        problems,
                        "{id} {path} by {letter}: {status}, may: {allowed}"
                    );
                }
            }
        }
    }
    assert!(problems.is_empty(), "{problems}");
    for row in ROWS {
        let is_known = OPERATIONS.iter().any(|operation| operation.id == row.0);
        assert!(is_known, "{} is no operation any more", row.0);
    }
}
