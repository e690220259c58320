//! Plans: named limits that accounts agree to.

use crate::id::PlanId;
use serde::{Deserialize, Serialize};

/// What an account may use; `None` for as much as there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanLimits {
    /// Bytes of distinct digests.
    pub storage_bytes: Option<u64>,
    /// Bytes pulled per calendar month.
    pub pull_bytes_per_month: Option<u64>,
    /// Requests being answered at once, by each replica.
    pub requests_at_once: Option<u64>,
    /// Namespaces.
    pub namespaces: Option<u64>,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its identifier.
    pub id: PlanId,
    /// Its name, unique in the deployment.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// Its limits.
    pub limits: PlanLimits,
    /// Whether accounts may choose it themselves.
    pub is_offered: bool,
}

/// A gibibyte.
const GIB: u64 = 1 << 30;

/// The plans that a deployment begins with, as examples: name, description, GiB of storage, requests at once.
pub const EXAMPLES: [(&str, &str, u64, u64); 3] = [
    ("S", "for a team", 200, 15),
    ("M", "for a company", 600, 45),
    ("L", "for several companies", 5 * 1024, 90),
];

impl Plan {
    /// The example of that place.
    pub fn example(id: PlanId, (name, description, gib, requests): (&str, &str, u64, u64)) -> Self {
        Self {
            id,
            name: name.to_owned(),
            description: description.to_owned(),
            limits: PlanLimits {
                storage_bytes: Some(gib * GIB),
                pull_bytes_per_month: None,
                requests_at_once: Some(requests),
                namespaces: None,
            },
            is_offered: true,
        }
    }
}
