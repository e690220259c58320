//! Operations about accounts, their people, rights, addresses and figures, and about the deployment.

use crate::account_api::access_tokens::{AccessTokenMade, AccessTokenShown, Oneself};
use crate::account_api::account_plan::{OwnPlan, OwnPlanChoice};
use crate::account_api::accounts::{AccountListed, AccountShown};
use crate::account_api::addresses::{AddressProof, AddressShown, AddressesShown, NewAddress};
use crate::account_api::audit_events::AuditPage;
use crate::account_api::audit_retention::AuditRetention;
use crate::account_api::certificates::{CertificateShown, CertificateText};
use crate::account_api::closing::{ClosingRequest, ClosingShown, ReceiptShown};
use crate::account_api::content_requests::ContentRequestShown;
use crate::account_api::deployment::{Condition, DeploymentAccount, Inventory};
use crate::account_api::grants::GrantShown;
use crate::account_api::identity_sources;
use crate::account_api::identity_sources::{
    IdentitySourceList, IdentitySourceShown, IdentitySourceText, IdentitySourceTrial,
    NewIdentitySource,
};
use crate::account_api::invitations::InvitationShown;
use crate::account_api::limits::{AccountLimitsShown, OwnLimits};
use crate::account_api::login_sources::LoginSourcesShown;
use crate::account_api::members::MemberShown;
use crate::account_api::network::{NamespaceNetwork, NetworkChange, NetworkShown, Versioned};
use crate::account_api::openapi::Document;
use crate::account_api::operators::OperatorShown;
use crate::account_api::plans::PlanShown;
use crate::account_api::reply::{Created, Done, List, Shown};
use crate::account_api::roles::{ActionShown, RoleShown};
use crate::account_api::trust_rules;
use crate::account_api::trust_rules::{NewTrustRule, TrustRuleShown, TrustRuleText};
use crate::account_api::usage::{AccountFigures, Figures, NamespaceFigures, UsageShown};
use crate::account_api::{access_tokens, accounts, audit_events, deployment, members, plans};
use crate::account_api::{account_plan, closing, invitations, limits, login_sources, usage};
use crate::account_api::{addresses, network, openapi};
use crate::account_api::{
    audit_retention, certificates, content_requests, grants, operators, roles,
};

// A path whose place could take another's word stands after that one.
operations! {
    getOpenApi: GET "/openapi.json" "openapi", "This API as an OpenAPI document.",
        => openapi::document -> Shown<Document>;
    listLoginSources: GET "/login-sources" "identity", "Lists the ways to log in beside a password, for login pages; at an account's own address its own, too.",
        => login_sources::list -> Shown<LoginSourcesShown>;
    getCaller: GET "/user" "user", "Says who the caller is.",
        => access_tokens::oneself -> Shown<Oneself>;
    listAccessTokens: GET "/user/access-tokens" "user", "Lists the caller's own personal access tokens, by name.",
        => access_tokens::list -> List<AccessTokenShown>;
    createAccessToken: POST "/user/access-tokens" "user", "Makes a personal access token for the caller.",
        body access_tokens::AccessTokenRequest, => access_tokens::create -> Created<AccessTokenMade>;
    revokeAccessToken: DELETE "/user/access-tokens/{token}" "user", "Ends one of the caller's own personal access tokens.",
        => access_tokens::revoke -> Done;
    listOwnAccounts: GET "/accounts" "accounts", "Lists the accounts that the caller is in, by name.",
        => accounts::list -> List<AccountListed>;
    getAccount: GET "/accounts/{account}" "accounts", "Shows an account.",
        => accounts::get -> Shown<AccountShown>;
    listMembers: GET "/accounts/{account}/members" "members", "Lists the people of an account, by name.",
        query members::LIST, => members::list -> List<MemberShown>;
    createMember: POST "/accounts/{account}/members" "members", "Makes a user of the account, with a password.",
        body members::MemberRequest, => members::create -> Created<MemberShown>;
    getMember: GET "/accounts/{account}/members/{member}" "members", "Shows a member, by its number.",
        => members::get -> Shown<MemberShown>;
    updateMember: PATCH "/accounts/{account}/members/{member}" "members", "Makes a member an administrator of the account, or one no more.",
        body members::MemberChange, => members::update -> Done;
    removeMember: DELETE "/accounts/{account}/members/{member}" "members", "Takes a member out of the account; a user that belongs to it first is deleted.",
        => members::remove -> Done;
    listInvitations: GET "/accounts/{account}/invitations" "invitations", "Lists the invitations of an account that are open, the newest first.",
        query invitations::LIST, => invitations::list -> List<InvitationShown>;
    createInvitation: POST "/accounts/{account}/invitations" "invitations", "Invites a user of another account to become a member.",
        body invitations::InvitationRequest, => invitations::create -> Created<InvitationShown>;
    revokeInvitation: DELETE "/accounts/{account}/invitations/{invitation}" "invitations", "Takes an invitation back.",
        => invitations::revoke -> Done;
    listOwnInvitations: GET "/invitations" "invitations", "Lists the invitations that the caller may accept, the newest first.",
        => invitations::list_own -> List<InvitationShown>;
    decideInvitation: PUT "/invitations/{invitation}/decision" "invitations", "Accepts or declines an invitation.",
        body invitations::InvitationDecision, => invitations::decide -> Done;
    listAuditEvents: GET "/accounts/{account}/audit-events" "audit", "Reads an account's audit log, the newest event first.",
        query audit_events::LIST, => audit_events::list -> AuditPage;
    getAuditRetention: GET "/accounts/{account}/audit-retention" "audit", "Says for how long an account keeps its audit log.",
        => audit_retention::get -> Shown<AuditRetention>;
    setAuditRetention: PUT "/accounts/{account}/audit-retention" "audit", "Decides for how long an account keeps its audit log.",
        body AuditRetention, => audit_retention::set -> Shown<AuditRetention>;
    listActions: GET "/accounts/{account}/actions" "roles", "Lists every action that a role can hold, in the order of the catalogue.",
        => roles::actions -> List<ActionShown>;
    listRoles: GET "/accounts/{account}/roles" "roles", "Lists the account's own roles, by name.",
        => roles::list -> List<RoleShown>;
    createRole: POST "/accounts/{account}/roles" "roles", "Makes a role of the account's own.",
        body roles::RoleRequest, => roles::create -> Created<RoleShown>;
    getRole: GET "/accounts/{account}/roles/{role}" "roles", "Shows a role of the account's own.",
        => roles::get -> Shown<RoleShown>;
    updateRole: PUT "/accounts/{account}/roles/{role}" "roles", "Changes a role; whoever has it may do with the next request what it holds then.",
        body roles::RoleRequest, => roles::update -> Shown<RoleShown>;
    deleteRole: DELETE "/accounts/{account}/roles/{role}" "roles", "Deletes a role that nobody has.",
        => roles::delete -> Done;
    listGrants: GET "/accounts/{account}/grants" "grants", "Lists who has which role for what, by subject.",
        query grants::LIST, => grants::list -> List<GrantShown>;
    createGrant: POST "/accounts/{account}/grants" "grants", "Gives a role to a user, a group or a robot account.",
        body grants::GrantRequest, => grants::create -> Created<GrantShown>;
    getGrant: GET "/accounts/{account}/grants/{grant}" "grants", "Shows a grant.",
        => grants::get -> Shown<GrantShown>;
    deleteGrant: DELETE "/accounts/{account}/grants/{grant}" "grants", "Takes a role that was given.",
        => grants::delete -> Done;
    listContentRequests: GET "/accounts/{account}/content-requests" "content", "Lists operators' requests to see what is in the account, the newest first.",
        query content_requests::LIST, => content_requests::list -> List<ContentRequestShown>;
    decideContentRequest: PUT "/accounts/{account}/content-requests/{request}/decision" "content", "Grants, declines or revokes an operator's request.",
        body content_requests::ContentDecisionRequest, => content_requests::decide -> Shown<ContentRequestShown>;
    listAllContentRequests: GET "/deployment/content-requests" "content", "Lists all requests to see what is in accounts, the newest first.",
        query content_requests::LIST, => content_requests::list_of_deployment -> List<ContentRequestShown>;
    createContentRequest: POST "/deployment/content-requests" "content", "Asks the administrators of an account to let the caller see what is in it.",
        body content_requests::ContentRequestRequest, => content_requests::create -> Created<ContentRequestShown>;
    withdrawContentRequest: DELETE "/deployment/content-requests/{request}" "content", "Takes one's own request back.",
        => content_requests::withdraw -> Done;
    listOperators: GET "/deployment/operators" "operators", "Lists the operators of the deployment with their roles, by name.",
        => operators::list -> List<OperatorShown>;
    addOperator: POST "/deployment/operators" "operators", "Gives a user a role of operators.",
        body operators::OperatorRequest, => operators::add -> Created<OperatorShown>;
    removeOperator: DELETE "/deployment/operators/{operator}/{role}" "operators", "Takes a role from an operator.",
        => operators::remove -> Done;
    getDeployment: GET "/deployment" "deployment", "Says how much there is in the deployment, and what runs it.",
        => deployment::get -> Shown<Inventory>;
    getDeploymentHealth: GET "/deployment/health" "deployment", "Says whether the deployment is well, and what is not.",
        => deployment::health -> Shown<Condition>;
    listDeploymentAuditEvents: GET "/deployment/audit-events" "deployment", "Reads the deployment's own audit log, the newest event first.",
        query audit_events::LIST, => audit_events::list_of_deployment -> AuditPage;
    listAccounts: GET "/deployment/accounts" "deployment", "Lists the deployment's accounts, by name.",
        query deployment::LIST, => deployment::list_accounts -> List<DeploymentAccount>;
    createAccount: POST "/deployment/accounts" "deployment", "Makes an account with nothing in it.",
        body deployment::AccountRequest, => deployment::create_account -> Created<AccountShown>;
    getDeploymentAccount: GET "/deployment/accounts/{account}" "deployment", "Shows an account, its plan and what it uses.",
        => deployment::get_account -> Shown<AccountShown>;
    setPlan: PUT "/deployment/accounts/{account}/plan" "deployment", "Gives an account a plan; a smaller one only when what it uses fits.",
        body deployment::PlanChoice, => deployment::set_plan -> Done;
    suspendAccount: PUT "/deployment/accounts/{account}/suspension" "deployment", "Lets an account only pull, or do nothing.",
        body deployment::SuspensionRequest, => deployment::suspend -> Done;
    resumeAccount: DELETE "/deployment/accounts/{account}/suspension" "deployment", "Lets a suspended account do everything again.",
        => deployment::resume -> Done;
    listPlans: GET "/deployment/plans" "plans", "Lists the plans, by name.",
        => plans::list -> List<PlanShown>;
    createPlan: POST "/deployment/plans" "plans", "Makes a plan.",
        body plans::PlanRequest, => plans::create -> Created<PlanShown>;
    getPlan: GET "/deployment/plans/{plan}" "plans", "Shows a plan.",
        => plans::get -> Shown<PlanShown>;
    deletePlan: DELETE "/deployment/plans/{plan}" "plans", "Deletes a plan that no account has.",
        => plans::delete -> Done;
    closeAccount: PUT "/deployment/accounts/{account}/closing" "deployment", "Closes an account; what it has is destroyed after the grace period.",
        body ClosingRequest, => closing::close -> Shown<ClosingShown>;
    restoreAccount: DELETE "/deployment/accounts/{account}/closing" "deployment", "Lets an account that is being closed go on.",
        => closing::restore -> Done;
    getReceipt: GET "/deployment/accounts/{account}/receipt" "deployment", "Says what was destroyed of a closed account.",
        => closing::receipt -> Shown<ReceiptShown>;
    listUsage: GET "/deployment/usage" "usage", "Says what every account used in a month, by name.",
        query usage::MONTH, => usage::list -> Figures<List<AccountFigures>>;
    getUsage: GET "/accounts/{account}/usage" "usage", "Says what an account used in a month.",
        query usage::MONTH, => usage::get -> Figures<Shown<UsageShown>>;
    listNamespaceUsage: GET "/accounts/{account}/usage/namespaces" "usage", "Says what an account's namespaces used in a month, by name.",
        query usage::MONTH, => usage::list_namespaces -> Figures<List<NamespaceFigures>>;
    getOwnPlan: GET "/accounts/{account}/plan" "plans", "Shows an account's plan, and those that it can choose.",
        => account_plan::get -> Shown<OwnPlan>;
    choosePlan: PUT "/accounts/{account}/plan" "plans", "Gives an account a plan that is offered; a smaller one only when what it uses fits.",
        body OwnPlanChoice, => account_plan::choose -> Done;
    getLimits: GET "/accounts/{account}/limits" "usage", "Says what an account may use, by its plan and by its own will.",
        => limits::get -> Shown<AccountLimitsShown>;
    setLimits: PUT "/accounts/{account}/limits" "usage", "Sets limits of an account's own, below those of its plan.",
        body OwnLimits, => limits::set -> Done;
    listIdentitySources: GET "/accounts/{account}/identity-sources" "identity", "Lists the account's own issuers and directories by which people log in.",
        => identity_sources::list -> Shown<IdentitySourceList>;
    createIdentitySource: POST "/accounts/{account}/identity-sources" "identity", "Makes an issuer or a directory known by which people log in to the account.",
        body NewIdentitySource, => identity_sources::create -> Created<IdentitySourceShown>;
    updateIdentitySource: PUT "/accounts/{account}/identity-sources/{source}" "identity", "Changes an identity source; its name, kind and issuer stay.",
        body IdentitySourceText, => identity_sources::put -> Shown<IdentitySourceShown>;
    deleteIdentitySource: DELETE "/accounts/{account}/identity-sources/{source}" "identity", "Forgets an identity source that has brought nobody who is still there.",
        => identity_sources::delete -> Done;
    testIdentitySource: POST "/accounts/{account}/identity-sources/{source}/test" "identity", "Tries whether people could log in by an identity source.",
        => identity_sources::test -> Shown<IdentitySourceTrial>;
    listDeploymentIdentitySources: GET "/deployment/identity-sources" "identity", "Lists the deployment's issuers and directories by which people log in.",
        => identity_sources::list_of_deployment -> Shown<IdentitySourceList>;
    createDeploymentIdentitySource: POST "/deployment/identity-sources" "identity", "Makes an issuer or a directory known by which people log in to the deployment.",
        body NewIdentitySource, => identity_sources::create_for_deployment -> Created<IdentitySourceShown>;
    updateDeploymentIdentitySource: PUT "/deployment/identity-sources/{source}" "identity", "Changes an identity source of the deployment.",
        body IdentitySourceText, => identity_sources::put_for_deployment -> Shown<IdentitySourceShown>;
    deleteDeploymentIdentitySource: DELETE "/deployment/identity-sources/{source}" "identity", "Forgets an identity source of the deployment.",
        => identity_sources::delete_of_deployment -> Done;
    testDeploymentIdentitySource: POST "/deployment/identity-sources/{source}/test" "identity", "Tries whether people could log in by an identity source of the deployment.",
        => identity_sources::test_of_deployment -> Shown<IdentitySourceTrial>;
    listTrustRules: GET "/accounts/{account}/trust-rules" "identity", "Lists the rules by which workloads are trusted, by name.",
        => trust_rules::list -> List<TrustRuleShown>;
    createTrustRule: POST "/accounts/{account}/trust-rules" "identity", "Makes a trust rule.",
        body NewTrustRule, => trust_rules::create -> Created<TrustRuleShown>;
    getTrustRule: GET "/accounts/{account}/trust-rules/{rule}" "identity", "Shows a trust rule.",
        => trust_rules::get -> Shown<TrustRuleShown>;
    updateTrustRule: PUT "/accounts/{account}/trust-rules/{rule}" "identity", "Changes a trust rule; its name stays.",
        body TrustRuleText, => trust_rules::put -> Shown<TrustRuleShown>;
    deleteTrustRule: DELETE "/accounts/{account}/trust-rules/{rule}" "identity", "Deletes a trust rule.",
        => trust_rules::delete -> Done;
    getNetwork: GET "/accounts/{account}/network" "network", "From where the account may be reached.",
        => network::get -> Versioned<Shown<NetworkShown>>;
    listAddresses: GET "/accounts/{account}/addresses" "network", "Lists the host names under which the account is reached.",
        => addresses::list -> Shown<AddressesShown>;
    claimAddress: POST "/accounts/{account}/addresses" "network", "Says that a host name is the account's own, to be proved within seven days.",
        body NewAddress, => addresses::claim -> Created<AddressShown>;
    giveUpAddress: DELETE "/accounts/{account}/addresses/{host}" "network", "Gives up a host name, or a claim of one.",
        => addresses::give_up -> Done;
    proveAddress: POST "/accounts/{account}/addresses/{host}/proof" "network", "Looks for the proof of a host name that the account claims; then the name is its own.",
        body AddressProof, => addresses::prove -> Shown<AddressShown>;
    getAddressCertificate: GET "/accounts/{account}/addresses/{host}/certificate" "network", "Shows the certificate of a host name, without its key.",
        => certificates::get -> Shown<CertificateShown>;
    putAddressCertificate: PUT "/accounts/{account}/addresses/{host}/certificate" "network", "Has clients shown this certificate who ask for a host name of the account.",
        body CertificateText, => certificates::put -> Shown<CertificateShown>;
    deleteAddressCertificate: DELETE "/accounts/{account}/addresses/{host}/certificate" "network", "Has clients shown the listener's certificate for a host name again.",
        => certificates::delete -> Done;
    listDeploymentAddresses: GET "/deployment/accounts/{account}/addresses" "deployment", "Lists an account's host names.",
        => addresses::list_of_deployment -> Shown<AddressesShown>;
    addAddress: POST "/deployment/accounts/{account}/addresses" "deployment", "Makes a host name an account's own.",
        body NewAddress, => addresses::add -> Created<AddressShown>;
    removeAddress: DELETE "/deployment/accounts/{account}/addresses/{host}" "deployment", "Takes a host name from an account.",
        => addresses::remove -> Done;
    getDeploymentAddressCertificate: GET "/deployment/accounts/{account}/addresses/{host}/certificate" "deployment", "Shows the certificate of an account's host name, without its key.",
        => certificates::get_of_deployment -> Shown<CertificateShown>;
    putDeploymentAddressCertificate: PUT "/deployment/accounts/{account}/addresses/{host}/certificate" "deployment", "Has clients shown this certificate who ask for an account's host name.",
        body CertificateText, => certificates::put_of_deployment -> Shown<CertificateShown>;
    deleteDeploymentAddressCertificate: DELETE "/deployment/accounts/{account}/addresses/{host}/certificate" "deployment", "Has clients shown the listener's certificate for an account's host name again.",
        => certificates::delete_of_deployment -> Done;
    updateNetwork: PATCH "/accounts/{account}/network" "network", "Changes from where the account may be reached.",
        query network::UPDATE, body NetworkChange, => network::update -> Versioned<Done>;
    putNamespaceNetwork: PUT "/accounts/{account}/network/namespaces/{namespace}" "network", "Writes the list of a namespace.",
        body NamespaceNetwork, => network::put_namespace -> Versioned<Done>;
}
