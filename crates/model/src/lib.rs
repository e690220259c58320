//! Roadstead's own words: plain data that every layer above shares.
//!
//! **Invariant:** no I/O, no clock, no randomness, no SQL, no HTTP. What can be said with the distribution
//! specification's words is said with those of the `oci` crate.

pub mod account;
pub mod caller;
pub mod clock;
pub mod content_request;
pub mod event;
pub mod glob;
pub mod id;
pub mod job;
pub mod network;
pub mod operator_role;
pub mod page;
pub mod plan;
pub mod retention;
pub mod robot;
pub mod role;
pub mod selector;

pub use account::{Account, AccountState, Address};
pub use caller::{Caller, CallerKind, CredentialKind};
pub use clock::{Clock, IdSource};
pub use content_request::{ContentRequest, ContentRequestState};
pub use event::Event;
pub use glob::{Glob, GlobError};
pub use id::{
    AccessTokenId, AccountId, ContentRequestId, GrantId, GroupId, IdentitySourceId, InvitationId,
    JobId, LabelId, NamespaceId, PlanId, RepositoryId, RobotId, RoleId, ScheduleId, TrustRuleId,
    UserId,
};
pub use job::{JobKind, JobLogLevel, JobState};
pub use network::{
    AllowedRange, Exposure, Network, NetworkBarrier, NetworkError, NetworkRules, NetworkTraffic,
};
pub use operator_role::OperatorRole;
pub use page::Page;
pub use plan::{Plan, PlanLimits};
pub use robot::{Permission, PermissionScope};
pub use role::{
    Action, Actions, Coverage, CustomRole, GrantedRole, RepositoryPattern, Right, Role, Scope,
};
pub use selector::{Decoration, Selector, SelectorError, SelectorKind, SelectorText};
