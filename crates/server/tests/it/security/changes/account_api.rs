//! What our own API reads by name or id, and changes.

use super::{Change, Read};

#[rustfmt::skip]
pub(super) const READS: &[Read] = &[
    ("getAccount", "/accounts/{account}"),
    ("listMembers", "/accounts/{account}/members"),
    ("getMember", "/accounts/{account}/members/{user}"),
    ("listInvitations", "/accounts/{account}/invitations"),
    ("listAuditEvents", "/accounts/{account}/audit-events"),
    ("getAuditRetention", "/accounts/{account}/audit-retention"),
    ("listActions", "/accounts/{account}/actions"),
    ("listRoles", "/accounts/{account}/roles"),
    ("getRole", "/accounts/{account}/roles/{role}"),
    ("listGrants", "/accounts/{account}/grants"),
    ("getGrant", "/accounts/{account}/grants/{grant}"),
    ("listContentRequests", "/accounts/{account}/content-requests"),
    ("listTrustRules", "/accounts/{account}/trust-rules"),
    ("getTrustRule", "/accounts/{account}/trust-rules/{rule}"),
    ("listIdentitySources", "/accounts/{account}/identity-sources"),
    ("getNetwork", "/accounts/{account}/network"),
    ("listAddresses", "/accounts/{account}/addresses"),
    ("getAddressCertificate", "/accounts/{account}/addresses/{host}/certificate"),
    ("getDeploymentAddressCertificate", "/deployment/accounts/{account}/addresses/{host}/certificate"),
    ("getLimits", "/accounts/{account}/limits"),
    ("getUsage", "/accounts/{account}/usage"),
    ("listNamespaceUsage", "/accounts/{account}/usage/namespaces"),
    ("getOwnPlan", "/accounts/{account}/plan"),
    ("getLimits", "/accounts/{account}/limits"),
    ("getPlan", "/deployment/plans/offered"),
    ("getDeploymentAccount", "/deployment/accounts/{account}"),
    ("getReceipt", "/deployment/accounts/{account}/receipt"),
    ("listDeploymentAddresses", "/deployment/accounts/{account}/addresses"),
];

#[rustfmt::skip]
pub(super) const CHANGES: &[Change] = &[
    ("createAccessToken", "/user/access-tokens", r#"{"name":"{fresh}","actions":["pull"]}"#, &["access_tokens"]),
    ("createMember", "/accounts/{account}/members", r#"{"name":"{fresh}","password":"Another-horse-7"}"#, &["users", "memberships"]),
    ("updateMember", "/accounts/{account}/members/{user}", r#"{"is_administrator":true}"#, &["grants"]),
    ("createInvitation", "/accounts/{account}/invitations", r#"{"user":"{fresh}","role":"{role}","namespace":"{place}"}"#, &["invitations"]),
    ("revokeInvitation", "/accounts/{account}/invitations/{invitation}", "", &["invitations"]),
    ("setAuditRetention", "/accounts/{account}/audit-retention", r#"{"days":60}"#, &[]),
    ("createTrustRule", "/accounts/{account}/trust-rules", r#"{"name":"{fresh}","issuer":"https://issuer.example.com","audience":"a",
        "claims":{"sub":["x"]},"permissions":[{"place":"namespace","namespace":"{namespace}","actions":["repository:pull"]}]}"#, &["trust_rules"]),
    ("updateTrustRule", "/accounts/{account}/trust-rules/{rule}", r#"{"issuer":"https://issuer.example.com","audience":"b",
        "claims":{"sub":["x"]},"permissions":[{"place":"every_namespace","actions":["repository:pull"]}]}"#, &["trust_rules"]),
    ("createIdentitySource", "/accounts/{account}/identity-sources",
        r#"{"name":"{fresh}","issuer":"https://{fresh}.example.com","client_id":"a"}"#, &["identity_sources", "oidc_sources"]),
    ("updateIdentitySource", "/accounts/{account}/identity-sources/{source}",
        r#"{"issuer":"https://corp.example.com","client_id":"b"}"#, &["oidc_sources"]),
    ("updateNetwork", "/accounts/{account}/network", r#"{"management":[{"range":"127.0.0.0/8"}]}"#, &["network_rules"]),
    ("putNamespaceNetwork", "/accounts/{account}/network/namespaces/{namespace}", r#"{"registry":[{"range":"127.0.0.0/8"}]}"#,
        &["network_rules", "namespace_network_rules"]),
    ("setLimits", "/accounts/{account}/limits", r#"{"storage_bytes":1000000000}"#, &["account_limits"]),
    ("claimAddress", "/accounts/{account}/addresses", r#"{"host":"{fresh}.example.test"}"#, &["address_claims"]),
    ("putAddressCertificate", "/accounts/{account}/addresses/{host}/certificate", CERTIFICATE, &["address_certificates"]),
    ("deleteAddressCertificate", "/accounts/{account}/addresses/{host}/certificate", "", &["address_certificates"]),
    ("giveUpAddress", "/accounts/{account}/addresses/{claim}", "", &["address_claims"]),
    ("choosePlan", "/accounts/{account}/plan", r#"{"plan":"offered"}"#, &["account_terms"]),
    ("createRole", "/accounts/{account}/roles", r#"{"name":"{fresh}","actions":["repository:pull"]}"#, &["roles"]),
    ("updateRole", "/accounts/{account}/roles/{role}", r#"{"name":"{role}","actions":["repository:read"]}"#, &["roles"]),
    ("createGrant", "/accounts/{account}/grants", r#"{"user":"{leaver_name}","role":"guest"}"#, &["grants"]),
    ("createGrant", "/accounts/{account}/grants", r#"{"user":"{user_name}","role":"{role}","namespace":"{place}"}"#, &["role_grants"]),
    ("createGrant", "/accounts/{account}/grants", r#"{"group":"{spare_group_name}","role":"guest","namespace":"{place}"}"#, &["grants"]),
    ("createGrant", "/accounts/{account}/grants", r#"{"robot":"{account_robot_name}","role":"reader","namespace":"{place}"}"#, &["role_grants"]),
    ("decideContentRequest", "/accounts/{account}/content-requests/{request}/decision", r#"{"decision":"grant"}"#, &["content_requests"]),

    ("deleteGrant", "/accounts/{account}/grants/{grant}", "", &["grants"]),
    ("deleteRole", "/accounts/{account}/roles/{spare_role}", "", &["roles"]),
    ("deleteTrustRule", "/accounts/{account}/trust-rules/{rule}", "", &["trust_rules"]),
    ("deleteIdentitySource", "/accounts/{account}/identity-sources/{source}", "", &["identity_sources", "oidc_sources"]),
    ("removeMember", "/accounts/{account}/members/{leaver}", "", &["users", "memberships", "grants"]),
    ("revokeAccessToken", "/user/access-tokens/{token}", "", &["access_tokens"]),
];

const CERTIFICATE: &str =
    r#"{"certificate_chain":"{certificate_chain}","private_key":"{private_key}"}"#;

/// What is tried with names of the account's, and does nothing for its own people either: it asks somebody outside.
#[rustfmt::skip]
pub(super) const TRIED: &[Change] = &[
    ("proveAddress", "/accounts/{account}/addresses/{claim}/proof", r#"{"method":"dns"}"#, &[]),
    ("testIdentitySource", "/accounts/{account}/identity-sources/{source}/test", "", &[]),
];

/// What operators change; `third` is an account that has nothing in it.
#[rustfmt::skip]
pub(super) const OPERATORS: &[Change] = &[
    ("createContentRequest", "/deployment/content-requests", r#"{"account":"own","reason":"a test","hours":1}"#, &["content_requests"]),
    ("withdrawContentRequest", "/deployment/content-requests/{request}", "", &["content_requests"]),
    ("addOperator", "/deployment/operators", r#"{"user":"olga","role":"auditor"}"#, &["operator_roles"]),
    ("removeOperator", "/deployment/operators/olga/auditor", "", &["operator_roles"]),
    ("createAccount", "/deployment/accounts", r#"{"name":"{fresh}"}"#, &["accounts"]),
    ("createPlan", "/deployment/plans", r#"{"name":"{fresh}"}"#, &["plans"]),
    ("deletePlan", "/deployment/plans/unused", "", &["plans"]),
    ("setPlan", "/deployment/accounts/third/plan", r#"{"plan":"offered"}"#, &["account_terms"]),
    ("addAddress", "/deployment/accounts/third/addresses", r#"{"host":"third.example.test"}"#, &["account_addresses"]),
    ("removeAddress", "/deployment/accounts/third/addresses/third.example.test", "", &["account_addresses"]),
    ("putDeploymentAddressCertificate", "/deployment/accounts/own/addresses/{host}/certificate", CERTIFICATE, &["address_certificates"]),
    ("deleteDeploymentAddressCertificate", "/deployment/accounts/own/addresses/{host}/certificate", "", &["address_certificates"]),
    ("suspendAccount", "/deployment/accounts/third/suspension", r#"{"mode":"pull"}"#, &["accounts", "account_terms"]),
    ("resumeAccount", "/deployment/accounts/third/suspension", "", &["accounts", "account_terms"]),
    ("closeAccount", "/deployment/accounts/third/closing", "{}", &["accounts", "account_terms"]),
    ("restoreAccount", "/deployment/accounts/third/closing", "", &["accounts", "account_terms"]),
    ("createDeploymentIdentitySource", "/deployment/identity-sources",
        r#"{"name":"of-all","issuer":"https://all.example.com","client_id":"a","home_account":"third"}"#, &["identity_sources", "oidc_sources"]),
    ("updateDeploymentIdentitySource", "/deployment/identity-sources/of-all",
        r#"{"issuer":"https://all.example.com","client_id":"b"}"#, &["oidc_sources"]),
    ("deleteDeploymentIdentitySource", "/deployment/identity-sources/of-all", "", &["identity_sources", "oidc_sources"]),
];

/// Whoever is invited is of another account: see `identity/invitations.rs`.
pub(super) const HARMLESS: &[&str] = &[
    "decideInvitation",
    // It asks a directory or an issuer.
    "testDeploymentIdentitySource",
];
