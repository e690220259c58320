//! The distribution specification, requirement by requirement, as stories of those who push and pull.
//!
//! Each test's first line names the endpoints, error codes or areas it is about, and after a colon what is required.
//! docs/reference/distribution-spec.md lists them all; `completeness` keeps both in step.

mod catalog;
mod clients;
mod completeness;
mod data_cases;
mod deleting;
mod errors;
mod manifest_rules;
mod mounting;
mod names;
mod ping;
mod pulling_blobs;
mod pulling_manifests;
mod pushing_manifests;
mod referrers;
mod tags;
mod token_form;
mod token_scopes;
mod upload_chunks;
mod upload_life;
mod uploading;

/// A repository in the namespace that every registry begins with.
const REPOSITORY: &str = "library/app";
