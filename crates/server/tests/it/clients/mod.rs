//! Real clients against the real program: each signs in, pushes, pulls back, and the digests are
//! computed again from what arrived. `cargo xtask test clients` installs what they need.

mod buildah;
mod containerd;
mod content;
pub(crate) mod daemon;
mod docker;
mod harborapi;
mod helm;
mod how_to;
mod ibm;
mod oras;
mod podman;
mod roadstead;
mod skopeo;
pub(crate) mod tutorials;
pub(crate) mod workbench;
