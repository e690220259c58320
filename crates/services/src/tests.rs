//! The services over a real database and a real directory.

mod faults;
mod isolation;
mod jobs;
