//! Roadstead's own words: plain data that every layer above shares.
//!
//! **Invariant:** no I/O, no clock, no randomness, no SQL, no HTTP. What can be said with the distribution
//! specification's words is said with those of the `oci` crate.

pub mod account;
pub mod caller;
pub mod clock;
pub mod event;
pub mod id;
pub mod job;
pub mod page;
pub mod plan;
pub mod robot;
pub mod role;

pub use account::{Account, AccountState, Address};
pub use caller::{Caller, CallerKind, CredentialKind};
pub use clock::{Clock, IdSource};
pub use event::Event;
pub use id::{
    AccessTokenId, AccountId, GrantId, GroupId, JobId, LabelId, NamespaceId, PlanId, RepositoryId,
    RobotId, ScheduleId, UserId,
};
pub use job::{JobKind, JobLogLevel, JobState};
pub use page::Page;
pub use plan::{Plan, PlanFeatures, PlanLimits};
pub use robot::{Permission, PermissionScope};
pub use role::{Action, Actions, Coverage, Right, Role, Scope};
