//! Every operation of our own API, and what it needs: see [`super::matrix`].

use Action as A;
use Need::{
    Account, All, Any, Everyone, Fellow, Known, KnownFor, Namespace, Operator, Person, Repository,
    Somewhere, WholePerson,
};
use OperatorAction as O;
use model::Action;
use services::OperatorAction;
use web::account_api::OPERATIONS;

use super::assert_same;
use super::matrix::{Exception, Face, Need, Row, World, check};
use crate::account_api::AccountApi as _;

/// The account is `own`; `none` is no account.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("getOpenApi", "/openapi.json", "", Everyone),
    ("getCaller", "/user", "", Known),
    ("listAccessTokens", "/user/access-tokens", "", WholePerson),
    ("createAccessToken", "/user/access-tokens", r#"{"name":"","actions":["pull"]}"#, WholePerson),
    ("revokeAccessToken", "/user/access-tokens/none", "", WholePerson),
    ("listOwnAccounts", "/accounts", "", All(&[Person, KnownFor(A::NamespaceList)])),
    ("getAccount", "/accounts/own", "", All(&[Fellow, KnownFor(A::MemberList)])),

    ("listMembers", "/accounts/own/members", "", Account(A::UserList)),
    ("createMember", "/accounts/own/members", r#"{"name":"weak","password":"weak"}"#, Account(A::UserCreate)),
    ("getMember", "/accounts/own/members/99999", "", Account(A::UserRead)),
    ("updateMember", "/accounts/own/members/99999", r#"{"is_administrator":true}"#, Account(A::UserUpdate)),
    ("removeMember", "/accounts/own/members/99999", "", Account(A::UserDelete)),
    ("listInvitations", "/accounts/own/invitations", "", Account(A::InvitationList)),
    ("createInvitation", "/accounts/own/invitations", r#"{"user":"not a name","role":"guest"}"#, Account(A::InvitationCreate)),
    ("revokeInvitation", "/accounts/own/invitations/none", "", Account(A::InvitationDelete)),
    ("listOwnInvitations", "/invitations", "", WholePerson),
    ("decideInvitation", "/invitations/none/decision", r#"{"decision":"decline"}"#, WholePerson),
    ("listLoginSources", "/login-sources", "", Everyone),
    ("listAuditEvents", "/accounts/own/audit-events", "", Account(A::AuditLogList)),
    ("getAuditRetention", "/accounts/own/audit-retention", "", Account(A::AuditLogList)),
    ("setAuditRetention", "/accounts/own/audit-retention", r#"{"days":1}"#, Account(A::AuditLogUpdate)),

    ("listTrustRules", "/accounts/own/trust-rules", "", Account(A::TrustRuleList)),
    ("createTrustRule", "/accounts/own/trust-rules", NEW_RULE, Account(A::TrustRuleCreate)),
    ("getTrustRule", "/accounts/own/trust-rules/none", "", Account(A::TrustRuleRead)),
    ("updateTrustRule", "/accounts/own/trust-rules/none", RULE, Account(A::TrustRuleUpdate)),
    ("deleteTrustRule", "/accounts/own/trust-rules/none", "", Account(A::TrustRuleDelete)),
    ("listIdentitySources", "/accounts/own/identity-sources", "", Account(A::IdentitySourceList)),
    ("createIdentitySource", "/accounts/own/identity-sources", NEW_SOURCE, Account(A::IdentitySourceCreate)),
    ("updateIdentitySource", "/accounts/own/identity-sources/none", SOURCE, Account(A::IdentitySourceUpdate)),
    ("deleteIdentitySource", "/accounts/own/identity-sources/none", "", Account(A::IdentitySourceDelete)),
    ("testIdentitySource", "/accounts/own/identity-sources/none/test", "", Account(A::IdentitySourceUpdate)),

    ("listWebhooks", "/accounts/own/namespaces/own/webhooks", "", Namespace(A::NotificationPolicyList)),
    ("createWebhook", "/accounts/own/namespaces/own/webhooks", WEBHOOK, Namespace(A::NotificationPolicyCreate)),
    ("getWebhook", "/accounts/own/namespaces/own/webhooks/99999", "", Namespace(A::NotificationPolicyRead)),
    ("updateWebhook", "/accounts/own/namespaces/own/webhooks/99999", WEBHOOK, Namespace(A::NotificationPolicyUpdate)),
    ("deleteWebhook", "/accounts/own/namespaces/own/webhooks/99999", "", Namespace(A::NotificationPolicyDelete)),
    ("testWebhook", "/accounts/own/namespaces/own/webhooks/99999/test", "", Namespace(A::NotificationPolicyUpdate)),
    ("resumeWebhook", "/accounts/own/namespaces/own/webhooks/99999/resume", "{}", Namespace(A::NotificationPolicyUpdate)),
    ("listDeliveries", "/accounts/own/namespaces/own/webhooks/99999/deliveries", "", Namespace(A::NotificationPolicyRead)),
    ("getDelivery", "/accounts/own/namespaces/own/webhooks/99999/deliveries/1", "", Namespace(A::NotificationPolicyRead)),
    ("redeliver", "/accounts/own/namespaces/own/webhooks/99999/deliveries/1/redelivery", "", Namespace(A::NotificationPolicyUpdate)),

    ("listSinks", "/accounts/own/sinks", "", Account(A::SinkList)),
    ("createSink", "/accounts/own/sinks", SINK, All(&[Account(A::SinkCreate), Account(A::AuditLogList)])),
    ("getSink", "/accounts/own/sinks/none", "", Account(A::SinkRead)),
    ("updateSink", "/accounts/own/sinks/none", SINK, All(&[Account(A::SinkUpdate), Account(A::AuditLogList)])),
    ("deleteSink", "/accounts/own/sinks/none", "", Account(A::SinkDelete)),
    ("testSink", "/accounts/own/sinks/none/test", "", Account(A::SinkUpdate)),
    ("resumeSink", "/accounts/own/sinks/none/resume", "{}", Account(A::SinkUpdate)),
    ("getMetrics", "/accounts/own/metrics", "", Account(A::MetricsRead)),
    ("getMail", "/accounts/own/mail", "", Account(A::MailRead)),
    ("setMail", "/accounts/own/mail", r#"{"event_types":["none"]}"#, MAIL_CHANGE),
    ("resumeMail", "/accounts/own/mail/resume", "{}", Account(A::MailUpdate)),
    ("addMailAddress", "/accounts/own/mail/addresses", r#"{"address":"none"}"#, MAIL_CHANGE),
    ("askMailAddress", "/accounts/own/mail/addresses/none/code", "", MAIL_CHANGE),
    ("removeMailAddress", "/accounts/own/mail/addresses/none", "", Account(A::MailUpdate)),
    ("confirmMailAddress", "/mail/confirm", r#"{"code":"none"}"#, Everyone),
    ("stopMail", "/mail/stop", r#"{"code":"none"}"#, Everyone),
    ("listJobs", "/accounts/own/jobs", "", Account(A::JobserviceMonitorList)),
    ("getJob", "/accounts/own/jobs/none", "", Account(A::JobserviceMonitorList)),
    ("getJobLog", "/accounts/own/jobs/none/log", "", Account(A::JobserviceMonitorList)),
    ("stopJob", "/accounts/own/jobs/none", "", Account(A::JobserviceMonitorStop)),
    ("startJob", "/accounts/own/jobs", r#"{"kind":"purge_audit_log","older_than_hours":1,"event_types":[]}"#, Account(A::PurgeAuditCreate)),
    ("retryJob", "/accounts/own/jobs/none/retry", "", Account(A::JobserviceMonitorList)),
    ("listJobQueues", "/accounts/own/job-queues", "", Account(A::JobserviceMonitorList)),
    ("pauseJobQueue", "/accounts/own/job-queues/none/pause", "", Account(A::JobserviceMonitorStop)),
    ("resumeJobQueue", "/accounts/own/job-queues/none/resume", "", Account(A::JobserviceMonitorStop)),
    ("emptyJobQueue", "/accounts/own/job-queues/none/jobs", "", Account(A::JobserviceMonitorStop)),
    ("listSchedules", "/accounts/own/schedules", "", Account(A::JobserviceMonitorList)),
    ("setSchedule", "/accounts/own/schedules/collect_account", r#"{"cron":"none"}"#, Account(A::GarbageCollectionUpdate)),
    ("deleteSchedule", "/accounts/own/schedules/collect_account", "", Account(A::GarbageCollectionUpdate)),

    ("getNetwork", "/accounts/own/network", "", Account(A::NetworkRuleRead)),
    ("updateNetwork", "/accounts/own/network", "{}", Account(A::NetworkRuleUpdate)),
    ("putNamespaceNetwork", "/accounts/own/network/namespaces/images", r#"{"registry":[]}"#, Account(A::NetworkRuleUpdate)),
    ("listAddresses", "/accounts/own/addresses", "", Account(A::AccountRead)),
    ("claimAddress", "/accounts/own/addresses", r#"{"host":"none"}"#, Account(A::AccountUpdate)),
    ("giveUpAddress", "/accounts/own/addresses/none.test", "", Account(A::AccountUpdate)),
    ("proveAddress", "/accounts/own/addresses/none.test/proof", r#"{"method":"dns"}"#, Account(A::AccountUpdate)),
    ("getAddressCertificate", "/accounts/own/addresses/none.test/certificate", "", Account(A::AccountRead)),
    ("putAddressCertificate", "/accounts/own/addresses/none.test/certificate", CERTIFICATE, Account(A::AccountUpdate)),
    ("deleteAddressCertificate", "/accounts/own/addresses/none.test/certificate", "", Account(A::AccountUpdate)),

    ("getRetentionPolicy", "/accounts/own/namespaces/own/retention", "", Namespace(A::TagRetentionRead)),
    ("setRetentionPolicy", "/accounts/own/namespaces/own/retention", r#"{"rules":[],"schedule":"never"}"#, All(&[Namespace(A::TagRetentionUpdate), Namespace(A::TagRetentionCreate)])),
    ("deleteRetentionPolicy", "/accounts/own/namespaces/own/retention", "", Namespace(A::TagRetentionDelete)),
    ("previewRetention", "/accounts/own/namespaces/own/retention/preview", r#"{"rules":[]}"#, All(&[Namespace(A::TagRetentionRead), Namespace(A::ArtifactList)])),
    ("listRetentionRuns", "/accounts/own/namespaces/own/retention/runs", "", Namespace(A::TagRetentionList)),
    ("runRetention", "/accounts/own/namespaces/own/retention/runs", "{}", Namespace(A::TagRetentionUpdate)),
    ("stopRetentionRun", "/accounts/own/namespaces/own/retention/runs/99999", "", Namespace(A::TagRetentionUpdate)),
    ("getRetentionDefault", "/accounts/own/retention-default", "", Account(A::TagRetentionRead)),
    ("setRetentionDefault", "/accounts/own/retention-default", r#"{"rules":[],"schedule":"never"}"#, Account(A::TagRetentionUpdate)),
    ("deleteRetentionDefault", "/accounts/own/retention-default", "", Account(A::TagRetentionDelete)),

    ("getUsage", "/accounts/own/usage", "", Account(A::QuotaRead)),
    ("listNamespaceUsage", "/accounts/own/usage/namespaces", "", Account(A::QuotaList)),
    ("getOwnPlan", "/accounts/own/plan", "", Account(A::PlanRead)),
    ("getLimits", "/accounts/own/limits", "", Account(A::QuotaRead)),
    ("setLimits", "/accounts/own/limits", r#"{"storage_bytes":9000000000000000000}"#, Account(A::QuotaUpdate)),
    ("choosePlan", "/accounts/own/plan", r#"{"plan":"none"}"#, Account(A::PlanUpdate)),

    ("listImmutabilityRules", "/accounts/own/namespaces/own/immutability", "", Namespace(A::ImmutableTagList)),
    ("createImmutabilityRule", "/accounts/own/namespaces/own/immutability", r#"{"repositories":[],"tags":[]}"#, Namespace(A::ImmutableTagCreate)),
    ("updateImmutabilityRule", "/accounts/own/namespaces/own/immutability/none", r#"{"is_enabled":true}"#, Namespace(A::ImmutableTagUpdate)),
    ("deleteImmutabilityRule", "/accounts/own/namespaces/own/immutability/none", "", Namespace(A::ImmutableTagDelete)),
    ("listLocks", "/accounts/own/locks?repository=own/app", "", Repository(A::ImmutableTagList)),
    ("lock", "/accounts/own/locks", r#"{"repository":"own/app","reference":"none"}"#, Repository(A::ImmutableTagCreate)),
    ("unlock", "/accounts/own/locks?repository=own/app&reference=none", "", Repository(A::ImmutableTagDelete)),
    ("listTagEnds", "/accounts/own/tag-ends?repository=own/app", "", Repository(A::TagList)),
    ("setTagEnd", "/accounts/own/tag-ends", r#"{"repository":"own/app","tag":"none","end":"1d"}"#, Repository(A::TagDelete)),
    ("getTrashSettings", "/accounts/own/trash/settings", "", Account(A::ConfigurationRead)),
    ("setTrashSettings", "/accounts/own/trash/settings", r#"{"period_days":91}"#, Account(A::ConfigurationUpdate)),
    ("listTrash", "/accounts/own/trash", "", All(&[Fellow, KnownFor(A::ArtifactDelete)])),
    ("emptyTrash", "/accounts/own/trash", "", Account(A::ConfigurationUpdate)),
    ("restoreTag", "/accounts/own/trash/tags", r#"{"repository":"own/app","tag":"none"}"#, Repository(A::RepositoryPush)),
    ("restoreManifest", "/accounts/own/trash/manifests", r#"{"repository":"own/app","digest":"none"}"#, Repository(A::RepositoryPush)),
    ("restoreTrash", "/accounts/own/trash/none/restore", "", All(&[Fellow, KnownFor(A::RepositoryPush)])),
    ("purgeTrash", "/accounts/own/trash/none", "", All(&[Fellow, KnownFor(A::ArtifactDelete)])),
    ("getRepository", "/accounts/own/repository?repository=own/app", "", Repository(A::RepositoryRead)),
    ("describeRepository", "/accounts/own/repository", r#"{"repository":"own/app","description":""}"#, Repository(A::RepositoryUpdate)),
    ("listTagMoves", "/accounts/own/tag-history?repository=own/app&tag=v1", "", Repository(A::TagList)),
    ("revertTag", "/accounts/own/tag-history/revert", r#"{"repository":"own/app","tag":"v1","digest":"none"}"#, Repository(A::RepositoryPush)),

    ("listActions", "/accounts/own/actions", "", ROLES_READ),
    ("listRoles", "/accounts/own/roles", "", ROLES_READ),
    ("createRole", "/accounts/own/roles", r#"{"name":"Not a name","actions":[]}"#, Account(A::RoleCreate)),
    ("getRole", "/accounts/own/roles/none", "", ROLES_READ),
    ("updateRole", "/accounts/own/roles/none", r#"{"name":"Not a name","actions":[]}"#, Account(A::RoleUpdate)),
    ("deleteRole", "/accounts/own/roles/none", "", Account(A::RoleDelete)),
    ("listGrants", "/accounts/own/grants", "", GRANTS_READ),
    ("createGrant", "/accounts/own/grants", r#"{"user":"none","role":"guest"}"#, Account(A::GrantCreate)),
    ("createGrant", "/accounts/own/grants", r#"{"user":"none","role":"limited-guest","namespace":"own"}"#, Namespace(A::MemberCreate)),
    ("getGrant", "/accounts/own/grants/none", "", GRANTS_READ),
    ("deleteGrant", "/accounts/own/grants/none", "", Any(&[Account(A::GrantDelete), Somewhere(A::MemberDelete)])),

    ("listContentRequests", "/accounts/own/content-requests", "", Account(A::ContentRequestList)),
    ("decideContentRequest", "/accounts/own/content-requests/none/decision", r#"{"decision":"decline"}"#, Account(A::ContentRequestUpdate)),

    ("listAllContentRequests", "/deployment/content-requests", "", Operator(O::ContentRequestList)),
    ("createContentRequest", "/deployment/content-requests", r#"{"account":"none","reason":"a test","hours":1}"#, Operator(O::ContentRequestCreate)),
    ("withdrawContentRequest", "/deployment/content-requests/none", "", Operator(O::ContentRequestCreate)),
    ("listOperators", "/deployment/operators", "", Operator(O::OperatorList)),
    ("addOperator", "/deployment/operators", r#"{"user":"none","role":"auditor"}"#, Operator(O::OperatorUpdate)),
    ("removeOperator", "/deployment/operators/none/auditor", "", Operator(O::OperatorUpdate)),
    ("getDeployment", "/deployment", "", Operator(O::DeploymentRead)),
    ("getDeploymentHealth", "/deployment/health", "", Operator(O::DeploymentRead)),
    ("listDeploymentAuditEvents", "/deployment/audit-events", "", Operator(O::AuditRead)),
    ("listAccounts", "/deployment/accounts", "", Operator(O::AccountList)),
    ("createAccount", "/deployment/accounts", r#"{"name":"Not-A-Name"}"#, Operator(O::AccountCreate)),
    ("getDeploymentAccount", "/deployment/accounts/own", "", Operator(O::AccountRead)),
    ("setPlan", "/deployment/accounts/own/plan", r#"{"plan":"none"}"#, Operator(O::AccountUpdate)),
    ("suspendAccount", "/deployment/accounts/none/suspension", r#"{"mode":"pull"}"#, Operator(O::AccountUpdate)),
    ("resumeAccount", "/deployment/accounts/none/suspension", "", Operator(O::AccountUpdate)),
    ("closeAccount", "/deployment/accounts/none/closing", "{}", Operator(O::AccountClose)),
    ("restoreAccount", "/deployment/accounts/none/closing", "", Operator(O::AccountClose)),
    ("getReceipt", "/deployment/accounts/own/receipt", "", Operator(O::AccountRead)),
    ("listUsage", "/deployment/usage", "", Operator(O::UsageRead)),
    ("listPlans", "/deployment/plans", "", Operator(O::PlanRead)),
    ("createPlan", "/deployment/plans", r#"{"name":"not a name"}"#, Operator(O::PlanUpdate)),
    ("getPlan", "/deployment/plans/S", "", Operator(O::PlanRead)),
    ("deletePlan", "/deployment/plans/none", "", Operator(O::PlanUpdate)),
    ("listDeploymentAddresses", "/deployment/accounts/own/addresses", "", Operator(O::AccountRead)),
    ("addAddress", "/deployment/accounts/own/addresses", r#"{"host":"none"}"#, Operator(O::AccountUpdate)),
    ("removeAddress", "/deployment/accounts/own/addresses/none.test", "", Operator(O::AccountUpdate)),
    ("getDeploymentAddressCertificate", "/deployment/accounts/own/addresses/none.test/certificate", "", Operator(O::AccountRead)),
    ("putDeploymentAddressCertificate", "/deployment/accounts/own/addresses/none.test/certificate", CERTIFICATE, Operator(O::AccountUpdate)),
    ("deleteDeploymentAddressCertificate", "/deployment/accounts/own/addresses/none.test/certificate", "", Operator(O::AccountUpdate)),
    ("listDeploymentIdentitySources", "/deployment/identity-sources", "", Operator(O::IdentitySourceRead)),
    ("createDeploymentIdentitySource", "/deployment/identity-sources", NEW_SOURCE, Operator(O::IdentitySourceUpdate)),
    ("updateDeploymentIdentitySource", "/deployment/identity-sources/none", SOURCE, Operator(O::IdentitySourceUpdate)),
    ("deleteDeploymentIdentitySource", "/deployment/identity-sources/none", "", Operator(O::IdentitySourceUpdate)),
    ("testDeploymentIdentitySource", "/deployment/identity-sources/none/test", "", Operator(O::IdentitySourceUpdate)),
];

/// Whoever decides what is told to whom may read it anyway.
const MAIL_CHANGE: Need = All(&[Account(A::MailUpdate), Account(A::AuditLogList)]);
const SINK: &str = r#"{"name":"","type":"https"}"#;
const WEBHOOK: &str = r#"{"name":"","event_types":[]}"#;
const CERTIFICATE: &str = r#"{"certificate_chain":"none","private_key":"none"}"#;
const NEW_RULE: &str = r#"{"name":"Not a name","issuer":"https://issuer.example.com","audience":"a","claims":{},"permissions":[]}"#;
const RULE: &str =
    r#"{"issuer":"https://issuer.example.com","audience":"a","claims":{},"permissions":[]}"#;
const NEW_SOURCE: &str =
    r#"{"name":"Not a name","issuer":"https://issuer.example.com","client_id":"a"}"#;
const SOURCE: &str = r#"{"issuer":"https://issuer.example.com","client_id":"a"}"#;

/// Roles are there for whoever manages them, or gives them somewhere.
const ROLES_READ: Need = Any(&[Account(A::RoleRead), Somewhere(A::MemberCreate)]);
/// Who is in a namespace is seen by those in it, as far as its roles say.
const GRANTS_READ: Need = Any(&[Account(A::GrantList), Somewhere(A::MemberList)]);

const EXCEPTIONS: &[Exception] = &[];

#[tokio::test]
async fn every_operation_lets_those_through_who_may_and_nobody_else() {
    let face = Face::account_api();
    check(&World::start().await, &face, ROWS, EXCEPTIONS).await;
}

/// T9: whoever has nothing to do with an account learns nothing of it, whichever operation it asks.
#[tokio::test]
async fn an_account_that_is_not_ones_own_is_like_one_that_is_not_there() {
    let world = World::start().await;
    let strangers = world.strangers();
    assert!(strangers.len() > 5);
    for caller in strangers {
        for row in ROWS.iter().filter(|row| row.1.starts_with("/accounts/own")) {
            let operation = OPERATIONS.iter().find(|operation| operation.id == row.0);
            let method = operation.expect("it is there").method;
            let ask = |path: &str| {
                let call = caller.client.v1(method.parse().expect("a method"), path);
                if row.2.is_empty() {
                    call
                } else {
                    call.content_type("application/json").body(row.2)
                }
            };
            let there = ask(row.1).await;
            let nowhere = ask(&row.1.replacen("/own", "/none", 1)).await;
            assert_same(&there, &nowhere, &["own", "none"]);
        }
    }
}
